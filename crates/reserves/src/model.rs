//! What reserves are about, as types that know neither requests nor SQL: dates, shares and states
//! are computed here, from arguments alone.

pub(crate) mod hold;
pub(crate) mod plan;
pub(crate) mod release;
