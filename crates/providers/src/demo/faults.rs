//! Faults on order: for the next so many calls a model does what one of its misbehaving neighbours does. There is no second
//! way to misbehave: a fault is the name of one of the demo models, with its usual options.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::models::{Model, Try};

/// How a model can be told to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Never answers, as `stuck`.
    Hang,
    /// Answers 500, as `fail`.
    Error500,
    /// Answers 429 with `Retry-After`, as `quota`.
    RateLimited,
    /// Breaks off in the middle of the text, as `flaky`.
    Cut,
    /// Answers with a page instead of JSON, as `garbage`.
    Garbage,
    /// Takes its time, as `slow`.
    Slow,
}

impl Fault {
    pub const ALL: [Fault; 6] = [Self::Hang, Self::Error500, Self::RateLimited, Self::Cut, Self::Garbage, Self::Slow];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Error500 => "error_500",
            Self::RateLimited => "rate_limited",
            Self::Cut => "cut",
            Self::Garbage => "garbage",
            Self::Slow => "slow",
        }
    }
    pub fn parse(word: &str) -> Option<Fault> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == word)
    }

    /// The model that does this by nature.
    pub(super) const fn by_nature(self) -> (Model, Try) {
        match self {
            Self::Hang => (Model::Stuck, Try::Works),
            Self::Error500 => (Model::Fail, Try::Works),
            Self::RateLimited => (Model::Quota, Try::Works),
            Self::Cut => (Model::Flaky, Try::Fails),
            Self::Garbage => (Model::Garbage, Try::Works),
            Self::Slow => (Model::Slow, Try::Works),
        }
    }
}

/// A fault of a model, and for how many more calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultSet {
    pub model: String,
    pub fault: Fault,
    pub times: u32,
}

/// The faults of one demo server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<&'static str, (Fault, u32)>>>);

impl Faults {
    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, (Fault, u32)>> {
        // One insertion or removal at a time: a panic between two leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Whether there is a chat model of this name; those that make files have no faults.
    pub fn knows(model: &str) -> bool {
        Model::parse(model).is_some()
    }
    /// In place of what the model had. False for a model there is not.
    pub fn set(&self, model: &str, fault: Fault, times: u32) -> bool {
        let Some(model) = Model::parse(model) else { return false };
        self.all().insert(model.as_str(), (fault, times));
        true
    }
    /// Of one model, or of all.
    pub fn clear(&self, model: Option<&str>) {
        self.all().retain(|name, _| model.is_some_and(|model| *name != model));
    }
    /// By the model's name.
    pub fn list(&self) -> Vec<FaultSet> {
        let row = |(model, (fault, times)): (&&str, &(Fault, u32))| FaultSet {
            model: (*model).to_owned(),
            fault: *fault,
            times: *times,
        };
        self.all().iter().map(row).collect()
    }

    /// What this call of the model is to do instead, if anything. It is counted.
    pub(super) fn take(&self, model: Model) -> Option<Fault> {
        let mut all = self.all();
        let (fault, times) = all.get_mut(model.as_str())?;
        let fault = *fault;
        *times = times.saturating_sub(1);
        if *times == 0 {
            all.remove(model.as_str());
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_holds_for_so_many_calls_of_its_model() {
        let faults = Faults::default();
        assert!(faults.set("writer", Fault::Hang, 2) && !faults.set("painter", Fault::Hang, 2));
        assert_eq!(faults.take(Model::Coder), None);
        let taken = [faults.take(Model::Writer), faults.take(Model::Writer), faults.take(Model::Writer)];
        assert_eq!(taken, [Some(Fault::Hang), Some(Fault::Hang), None]);
        faults.set("writer", Fault::Cut, 1);
        faults.set("coder", Fault::Slow, 9);
        faults.clear(Some("writer"));
        assert_eq!(faults.list(), [FaultSet { model: "coder".to_owned(), fault: Fault::Slow, times: 9 }]);
        faults.clear(None);
        assert_eq!(faults.list(), []);
        for fault in Fault::ALL {
            assert_eq!(Fault::parse(fault.as_str()), Some(fault));
        }
    }
}
