//! When the first text of a call came. It only looks at what passes by on its way to those who watch.

use crate::clock::World;
use copydesk_providers::DeltaSink;
use std::sync::OnceLock;
use std::time::Duration;

/// The instant on the steady clock; empty until there is text.
#[derive(Default)]
pub(crate) struct FirstText(OnceLock<Duration>);

impl FirstText {
    pub fn at(&self) -> Option<Duration> {
        self.0.get().copied()
    }

    /// The same sink, with an eye on it.
    pub fn noting<'a>(&'a self, sink: &'a dyn DeltaSink, world: &'a World) -> Noting<'a> {
        Noting { first: self, sink, world }
    }
}

pub(crate) struct Noting<'a> {
    first: &'a FirstText,
    sink: &'a dyn DeltaSink,
    world: &'a World,
}

impl DeltaSink for Noting<'_> {
    fn delta(&self, text: &str) {
        if !text.is_empty() {
            self.first.0.get_or_init(|| self.world.steady());
        }
        self.sink.delta(text);
    }
}
