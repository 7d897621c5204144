//! What reserves are about, as types that know neither storage nor requests.

pub(crate) mod hold;
pub(crate) mod plan;
pub(crate) mod release;
