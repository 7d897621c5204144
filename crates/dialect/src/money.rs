//! Amounts and currencies.

use crate::error::ApiError;
use crate::limits;
use crate::params::{Fields, not_text};
use crate::probe::Expects;
use crate::reasons;
use coffer_base::Currency;

/// Readers of amounts and currencies.
impl Fields<'_> {
    /// An amount in the currency's minor unit: 1 to [`limits::AMOUNT_CEILING`].
    ///
    /// # Errors
    /// 400 if it is missing, empty, no integer, or outside that range.
    pub fn required_amount(&self, name: &str) -> Result<i64, ApiError> {
        let amount = self.optional_amount(name)?;
        self.required(name, amount)
    }

    /// As [`Fields::required_amount`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, no integer, or outside that range.
    pub fn optional_amount(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.optional_integer_within(name, 1..=limits::AMOUNT_CEILING)
    }

    /// A fee, which may be 0; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, no integer, or outside 0 to [`limits::AMOUNT_CEILING`].
    pub fn optional_fee(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.optional_integer_within(name, 0..=limits::AMOUNT_CEILING)
    }

    /// A currency by its code, whose letters may be large or small.
    ///
    /// # Errors
    /// 400 if it is missing, empty, or no such code.
    pub fn required_currency(&self, name: &str) -> Result<Currency, ApiError> {
        let currency = self.optional_currency(name)?;
        self.required(name, currency)
    }

    /// As [`Fields::required_currency`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, or no such code.
    pub fn optional_currency(&self, name: &str) -> Result<Option<Currency>, ApiError> {
        self.expect(name, || Expects::Currency);
        let Some(code) = self.non_empty(name, not_text)? else { return Ok(None) };
        let refusal = || ApiError::invalid_currency(self.path(name), code.expose());
        let lower = code.expose().to_ascii_lowercase();
        Currency::parse(&lower).map(Some).ok_or_else(refusal)
    }

    /// A currency by a code of three or four small letters, of which no list is kept: what a
    /// processor tells in.
    ///
    /// # Errors
    /// 400 if it is empty, or no such code.
    pub fn optional_currency_code(&self, name: &str) -> Result<Option<Currency>, ApiError> {
        let Some(code) = self.optional_plain(name, limits::CURRENCY_LETTERS)? else {
            return Ok(None);
        };
        let refusal = || {
            let message = format!(
                "Invalid {name}: '{code}'. A currency is three or four letters in lower case, \
                 such as usd."
            );
            ApiError::invalid_param(self.path(name), message).because(&reasons::CURRENCY_CODE)
        };
        Currency::any(&code).map(Some).ok_or_else(refusal)
    }

    /// As [`Fields::optional_currency_code`], but it must be there.
    ///
    /// # Errors
    /// 400 if it is missing, empty, or no such code.
    pub fn required_currency_code(&self, name: &str) -> Result<Currency, ApiError> {
        let currency = self.optional_currency_code(name)?;
        self.required(name, currency)
    }
}

#[cfg(test)]
mod tests {
    use crate::params::Params;

    #[test]
    fn an_amount_is_positive_and_bounded() {
        let read = |query: &str| {
            let params = Params::decode(Some(query), b"").unwrap();
            params.root().required_amount("amount")
        };
        assert_eq!(read("amount=1").unwrap(), 1);
        assert_eq!(read("amount=99999999999").unwrap(), 99_999_999_999);
        for (query, code) in [
            ("", "parameter_missing"),
            ("amount=", "parameter_invalid_empty"),
            ("amount=0", "parameter_invalid_integer"),
            ("amount=-1", "parameter_invalid_integer"),
            ("amount=1.0", "parameter_invalid_integer"),
            ("amount=100000000000", "parameter_invalid_integer"),
        ] {
            let error = read(query).unwrap_err();
            assert_eq!((error.code(), error.param()), (Some(code), Some("amount")), "{query}");
        }
    }

    #[test]
    fn a_fee_may_be_zero() {
        let params = Params::decode(Some("fee=0"), b"").unwrap();
        assert_eq!(params.root().optional_fee("fee").unwrap(), Some(0));
        let params = Params::decode(Some("fee=-1"), b"").unwrap();
        assert!(params.root().optional_fee("fee").is_err());
    }

    #[test]
    fn the_refusal_of_a_currency_lists_all() {
        let params = Params::decode(Some("large=EUR&mixed=eUr&other=EURO"), b"").unwrap();
        let fields = params.root();
        for name in ["large", "mixed"] {
            assert_eq!(fields.required_currency(name).unwrap().as_str(), "eur");
        }
        let error = fields.required_currency("other").unwrap_err();
        assert_eq!((error.code(), error.param()), (None, Some("other")));
        assert!(error.message().starts_with("Invalid currency: EURO. "), "{error}");
        assert!(error.message().contains("usd"), "{error}");
    }
}
