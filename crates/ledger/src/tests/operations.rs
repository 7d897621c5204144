//! What the operations read of their parameters.

use crate::NoReserves;
use crate::model::charge::Charge;
use crate::model::dispute::Dispute;
use crate::model::payout::Payout;
use crate::model::refund::Refund;
use crate::operations::intake::{Create, Update};
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
    let charge = Create::<Charge, NoReserves>::new(NoReserves);
    assert_eq!(refused(&charge, ""), missing("id"));
    assert_eq!(refused(&charge, "id=ch_1"), missing("amount"));
    assert_eq!(refused(&charge, "id=ch_1&amount=1"), missing("currency"));
    assert!(parsed(&charge, "id=ch_1&amount=1&currency=usd").is_ok());
    let refund = Create::<Refund, NoReserves>::new(NoReserves);
    assert_eq!(refused(&refund, "id=re_1"), missing("charge"));
    assert_eq!(refused(&refund, "id=re_1&charge=ch_1"), missing("amount"));
    let dispute = Create::<Dispute, NoReserves>::new(NoReserves);
    assert_eq!(refused(&dispute, "id=dp_1&charge=ch_1"), missing("amount"));
    assert!(parsed(&dispute, "id=dp_1&charge=ch_1&amount=1&fee=0").is_ok());
    assert_eq!(
        refused(&Create::<Payout, NoReserves>::new(NoReserves), "id=po_1&amount=1"),
        missing("currency")
    );
    assert_eq!(refused(&Update::<Charge, NoReserves>::new(NoReserves), ""), missing("fee"));
    assert_eq!(refused(&Update::<Refund, NoReserves>::new(NoReserves), ""), missing("status"));
    assert_eq!(refused(&Update::<Dispute, NoReserves>::new(NoReserves), ""), missing("status"));
    assert_eq!(refused(&Update::<Payout, NoReserves>::new(NoReserves), ""), missing("status"));
}

#[test]
fn an_update_with_an_impossible_status_is_refused() {
    let status = (None, Some("status".to_owned()));
    assert_eq!(refused(&Update::<Refund, NoReserves>::new(NoReserves), "status=succeeded"), status);
    assert_eq!(refused(&Update::<Dispute, NoReserves>::new(NoReserves), "status=other"), status);
    assert!(parsed(&Update::<Dispute, NoReserves>::new(NoReserves), "status=open").is_ok());
    assert_eq!(
        refused(&Update::<Payout, NoReserves>::new(NoReserves), "status=in_transit"),
        status
    );
    let fee = (None, Some("fee_returned".to_owned()));
    assert_eq!(
        refused(&Update::<Dispute, NoReserves>::new(NoReserves), "status=lost&fee_returned=true"),
        fee
    );
    assert!(
        parsed(&Update::<Dispute, NoReserves>::new(NoReserves), "status=lost&fee_returned=false")
            .is_ok()
    );
    assert!(
        parsed(&Update::<Dispute, NoReserves>::new(NoReserves), "status=won&fee_returned=true")
            .is_ok()
    );
}
