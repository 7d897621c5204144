//! Which page is asked for, in a query of any shape.

#![no_main]

use coffer_dialect::{PageRequest, Params};
use coffer_fuzz::assert_refusal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    let params = match Params::decode(Some(query), b"") {
        Ok(params) => params,
        Err(error) => return assert_refusal(&error, 400),
    };
    let fields = match params.only(&PageRequest::PARAMS) {
        Ok(fields) => fields,
        Err(error) => {
            assert_refusal(&error, 400);
            assert_eq!(error.code(), Some("parameter_unknown"));
            return;
        }
    };
    match PageRequest::parse(&fields) {
        Err(error) => {
            assert_refusal(&error, 400);
            let blamed = error.param();
            assert!(blamed.is_none_or(|param| PageRequest::PARAMS.contains(&param)), "{error:?}");
        }
        Ok(page) => {
            assert!((1..=100).contains(&page.limit));
            if let Some((direction, id)) = &page.cursor {
                assert!(!id.is_empty() && !id.contains('\0') && id.chars().count() <= 5000);
                assert!(fields.has(direction.param()));
            }
            assert_eq!(PageRequest::parse(&fields).ok(), Some(page));
        }
    }
});
