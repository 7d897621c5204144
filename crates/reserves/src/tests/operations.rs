//! What the operations read of their parameters.

use crate::Settings;
use crate::charge::Charge;
use crate::dispute::Dispute;
use crate::operations::fact::{Create, Update};
use crate::operations::processor_id;
use crate::payout::Payout;
use crate::refund::Refund;
use coffer_base::limit;
use coffer_dialect::{ApiError, Params};
use coffer_kernel::{Arguments, WriteOperation};

pub(crate) fn parsed<O: WriteOperation>(operation: &O, query: &str) -> Result<O::Input, ApiError> {
    let params = Params::decode(Some(query), b"").unwrap();
    operation.parse(&Arguments { params: &params, path: &["x_1".to_owned()] })
}

/// The code and the parameter of a refusal.
pub(crate) fn refused<O: WriteOperation>(
    operation: &O,
    query: &str,
) -> (Option<String>, Option<String>) {
    let Err(error) = parsed(operation, query) else { panic!("{query} is not refused") };
    assert_eq!(error.status(), 400);
    (error.code().map(str::to_owned), error.param().map(str::to_owned))
}

pub(crate) fn missing(param: &str) -> (Option<String>, Option<String>) {
    (Some("parameter_missing".to_owned()), Some(param.to_owned()))
}

#[test]
fn required_parameters_are_checked_in_their_order() {
    let settings = Settings::default();
    let charge = Create::<Charge>::new(settings);
    assert_eq!(refused(&charge, ""), missing("id"));
    assert_eq!(refused(&charge, "id=ch_1"), missing("amount"));
    assert_eq!(refused(&charge, "id=ch_1&amount=1"), missing("currency"));
    assert!(parsed(&charge, "id=ch_1&amount=1&currency=usd").is_ok());
    let refund = Create::<Refund>::new(settings);
    assert_eq!(refused(&refund, "id=re_1"), missing("charge"));
    assert_eq!(refused(&refund, "id=re_1&charge=ch_1"), missing("amount"));
    let dispute = Create::<Dispute>::new(settings);
    assert_eq!(refused(&dispute, "id=dp_1&charge=ch_1"), missing("amount"));
    assert!(parsed(&dispute, "id=dp_1&charge=ch_1&amount=1&fee=0").is_ok());
    assert_eq!(refused(&Create::<Payout>::new(settings), "id=po_1&amount=1"), missing("currency"));
    assert_eq!(refused(&Update::<Charge>::new(), ""), missing("fee"));
    assert_eq!(refused(&Update::<Refund>::new(), ""), missing("status"));
    assert_eq!(refused(&Update::<Dispute>::new(), ""), missing("status"));
    assert_eq!(refused(&Update::<Payout>::new(), ""), missing("status"));
}

#[test]
fn what_an_update_cannot_say_is_refused() {
    let status = (None, Some("status".to_owned()));
    assert_eq!(refused(&Update::<Refund>::new(), "status=succeeded"), status);
    assert_eq!(refused(&Update::<Dispute>::new(), "status=open"), status);
    assert_eq!(refused(&Update::<Payout>::new(), "status=in_transit"), status);
    let fee = (None, Some("fee_returned".to_owned()));
    assert_eq!(refused(&Update::<Dispute>::new(), "status=lost&fee_returned=true"), fee);
    assert!(parsed(&Update::<Dispute>::new(), "status=lost&fee_returned=false").is_ok());
    assert!(parsed(&Update::<Dispute>::new(), "status=won&fee_returned=true").is_ok());
}

#[test]
fn ids_are_made_of_what_stands_for_itself_in_a_url() {
    let read = |id: &str| {
        let params = Params::decode(Some(&format!("id={id}")), b"").unwrap();
        processor_id(&params.only(&["id"]).unwrap(), "id").is_ok()
    };
    assert!(read("ch_3MmlLrLkdIwHu7ix0snN0B15") && read("a-b.c_d~9"));
    assert!(!read("a%20b") && !read("a%2Fb") && !read("%C3%A4") && !read("a%0A") && !read(""));
    assert!(read(&"a".repeat(limit::PROCESSOR_ID_CHARACTERS)));
    assert!(!read(&"a".repeat(limit::PROCESSOR_ID_CHARACTERS + 1)));
}
