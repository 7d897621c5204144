//! What the server counts and measures.
//!
//! Every metric is defined once, in [`catalogue`], with its name, its labels and what it means;
//! `docs/metrics.md` is written from there. The figures stay where they arise, mostly in an atomic
//! beside what they count, and are read when somebody asks: whoever collects them adds each with
//! its definition to [`Figures`], which become Prometheus' text ([`exposition()`]) or what is sent
//! elsewhere. There is no global registry, so two servers in one process do not mix, and nothing
//! is looked up by name while a request is served.

pub mod catalogue;
mod definition;
mod exposition;
mod figures;
mod histogram;

pub use definition::{Kind, Metric};
pub use exposition::{CONTENT_TYPE, exposition};
pub use figures::{Figure, Figures, MetricFigures, Number, Point};
pub use histogram::{BOUNDS_MICROSECONDS, Histogram, Recorded};
