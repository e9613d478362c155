//! What goes over the wire: one type per noun, each written out of a row field by field. Core and store types know no
//! serde, so that a renamed field there never changes an answer here unseen.

pub(crate) mod accepted;
pub(crate) mod admin;
pub(crate) mod attempt;
pub(crate) mod budget;
pub(crate) mod bulk;
pub(crate) mod call;
pub(crate) mod credits;
pub(crate) mod diff;
pub(crate) mod draft;
pub(crate) mod dry_run;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod generation;
pub(crate) mod item_format;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod lane;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod model;
pub(crate) mod model_test;
pub(crate) mod person;
pub(crate) mod price;
pub(crate) mod prospect;
pub(crate) mod prospect_job;
pub(crate) mod recipe;
pub(crate) mod requests;
pub(crate) mod usage;
pub(crate) mod waiting;
pub(crate) mod webhook;
