//! What Abide tells of services as metrics. No I/O, no clock.
//!
//! - [`model`]: a snapshot of families, whose kinds cannot be mixed up.
//! - [`encode`]: the snapshot as OpenMetrics 1.0.0 and as the older text format 0.0.4 of Prometheus, from one model.
//! - [`negotiate`]: which of them a reader asks for.
//! - [`services`]: the families, made of what is known of services and of the agent.
//! - [`sd`]: the document by which Prometheus finds what to read.
//! - [`dashboards`] and [`rules`]: what is made of it, generated, so that neither can name a metric that is not there.
//!   [`reference`] is the page that lists them.

pub mod dashboards;
pub mod encode;
pub mod model;
pub mod negotiate;
pub mod reference;
pub mod rules;
pub mod sd;
pub mod services;
