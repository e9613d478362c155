//! The desk's promises, each as a test that is named after it: on the in-memory store, a scripted provider and a clock
//! that is moved by hand. Every test ends with the auditor and the provider's own list of calls. No test sleeps.



mod harness;

mod accepting;
mod cancelling;
mod deadlines;
mod editing;
mod fallbacks;
mod faults;
mod limits;
mod one_result;
mod pausing;
mod restarts;
mod retries;
mod steps;
mod stopping;
mod zombies;
