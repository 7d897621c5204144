//! The text that names a root: its kind, and where it is.

use super::{Kind, Means, Root, RootError, passphrase::Passphrase};
use std::sync::Arc;

#[cfg(feature = "aws-kms")]
use super::aws_kms;
#[cfg(feature = "pkcs11")]
use super::pkcs11;
#[cfg(feature = "transit")]
use super::transit;

/// A root, as a setting names it. Holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spec {
    /// `key`: the operator keeps it whole.
    Key,
    /// `passphrase`.
    Passphrase,
    /// `pkcs11:token=…;object=…?module-path=…`
    #[cfg(feature = "pkcs11")]
    Pkcs11(pkcs11::Address),
    /// `transit:https://HOST/MOUNT/KEY`
    #[cfg(feature = "transit")]
    Transit(transit::Address),
    /// `aws-kms:KEY?region=…`
    #[cfg(feature = "aws-kms")]
    AwsKms(aws_kms::Address),
}

impl Spec {
    /// Parses the text.
    ///
    /// # Errors
    /// [`RootError::Spec`] with what is wrong, if it names no root that this build has.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (Kind::parse(kind), rest) {
            (Some(Kind::Key), "") => Ok(Self::Key),
            (Some(Kind::Passphrase), "") => Ok(Self::Passphrase),
            (Some(Kind::Key | Kind::Passphrase), _) => {
                Err(RootError::Spec(format!("nothing stands behind '{kind}'")))
            }
            #[cfg(feature = "pkcs11")]
            (Some(Kind::Pkcs11), rest) => pkcs11::Address::parse(rest).map(Self::Pkcs11),
            #[cfg(feature = "transit")]
            (Some(Kind::Transit), rest) => transit::Address::parse(rest).map(Self::Transit),
            #[cfg(feature = "aws-kms")]
            (Some(Kind::AwsKms), rest) => aws_kms::Address::parse(rest).map(Self::AwsKms),
            #[allow(unreachable_patterns, reason = "a build may have all kinds")]
            (Some(_), _) => Err(RootError::Spec(format!("this build has no '{kind}'"))),
            (None, _) => Err(RootError::Spec(format!(
                "'{kind}' is no kind of root; there are key, passphrase, \
                 pkcs11:token=TOKEN;object=KEY?module-path=FILE, transit:https://HOST/MOUNT/KEY \
                 and aws-kms:KEY"
            ))),
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Key => Kind::Key,
            Self::Passphrase => Kind::Passphrase,
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(_) => Kind::Pkcs11,
            #[cfg(feature = "transit")]
            Self::Transit(_) => Kind::Transit,
            #[cfg(feature = "aws-kms")]
            Self::AwsKms(_) => Kind::AwsKms,
        }
    }

    /// The root; `None` if it is a key that the operator keeps, whose place has settings of its
    /// own.
    ///
    /// # Errors
    /// If the file of the authorities cannot be used, or a variable of AWS is missing.
    pub fn root(&self, means: Means) -> Result<Option<Arc<dyn Root>>, RootError> {
        Ok(match self {
            Self::Key => None,
            Self::Passphrase => Some(Arc::new(Passphrase::new(means.secret))),
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(address) => {
                Some(Arc::new(pkcs11::Pkcs11::new(address.clone(), means.secret)))
            }
            #[cfg(feature = "transit")]
            Self::Transit(address) => Some(Arc::new(transit::Transit::new(
                address.clone(),
                means.secret,
                means.authorities.as_deref(),
            )?)),
            #[cfg(feature = "aws-kms")]
            Self::AwsKms(address) => Some(Arc::new(aws_kms::AwsKms::new(address.clone(), means)?)),
        })
    }
}
