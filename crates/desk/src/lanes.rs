//! Lanes as people see them: what is limited, paused, left alone or in use, of every recipe, provider and model there is
//! something to say about; and pausing one.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::Timestamp;
use copydesk_core::health::{Rate, Stance, stance};
use copydesk_core::recipe::ModelRef;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::Lane;
use copydesk_store::health::{Backlog, Depth};
use std::collections::BTreeMap;

/// A lane and all that bears on it. Its numbers are those of all processes.
#[derive(Clone, PartialEq, Debug)]
pub struct LaneView {
    pub lane: Lane,
    /// How many of it may be worked on at once.
    pub limit: Option<u32>,
    pub running: u64,
    /// Those that may be claimed, but for limits and pauses.
    pub ready: u64,
    /// Those that wait for a time or a target.
    pub parked: u64,
    pub rate: Option<Rate>,
    /// When its rate lets the next one start, if not now.
    pub rate_opens_at: Option<Timestamp>,
    pub paused_since: Option<Timestamp>,
    /// A model or provider that is left alone after failures.
    pub cooling: Option<Cooling>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Cooling {
    pub until: Timestamp,
    pub last_error: String,
}

impl LaneView {
    fn of(lane: Lane) -> LaneView {
        let (limit, rate, rate_opens_at) = (None, None, None);
        let (running, ready, parked) = (0, 0, 0);
        LaneView { lane, limit, running, ready, parked, rate, rate_opens_at, paused_since: None, cooling: None }
    }
}

impl Desk {
    /// Every recipe on the shelf, every provider, and every model that is limited, paused, left alone or in use; in the
    /// order of their kinds and names.
    pub async fn lanes(&self) -> Result<Vec<LaneView>, DeskError> {
        let mut lanes: BTreeMap<Lane, LaneView> = BTreeMap::new();
        let recipes = self.shelf().names().into_iter().map(|name| Lane::Recipe(name.to_owned()));
        let providers = self.providers().names().into_iter().map(|name| Lane::Provider(name.to_owned()));
        for lane in recipes.chain(providers) {
            at(&mut lanes, lane);
        }
        count(&mut lanes, &self.store().backlog().await?);
        for pause in self.store().pauses().await? {
            match pause.what {
                PauseKey::Lane(lane) => at(&mut lanes, lane).paused_since = Some(pause.since),
                PauseKey::Generation => {}
            }
        }
        let config = self.config();
        for (lane, limit) in &config.lanes {
            at(&mut lanes, lane.clone()).limit = Some(*limit);
        }
        let now = self.inner.now();
        let paid: BTreeMap<_, _> = self.store().rates().await?.into_iter().collect();
        for (lane, rate) in &config.rates {
            let view = at(&mut lanes, lane.clone());
            let paid = paid.get(&lane.name()).copied().unwrap_or_default();
            (view.rate, view.rate_opens_at) = (Some(*rate), rate.opens_at(paid, now));
        }
        let health = self.health().await?;
        for row in health {
            let until = match stance(Some(&row.health), now) {
                Stance::Open { until } => until,
                Stance::Closed | Stance::Probing => continue,
            };
            at(&mut lanes, Lane::of(row.subject)).cooling = Some(Cooling { until, last_error: row.health.message });
        }
        Ok(lanes.into_values().collect())
    }

    /// Pauses a recipe, a provider or a model, or lets it go on. What is being worked on goes on in any case, and new
    /// requests are accepted and wait.
    ///
    /// Errors: `NotFound` for a lane that is none here; what is paused already may be resumed whatever it is called.
    pub async fn set_lane_pause(&self, name: &str, paused: bool) -> Result<LaneView, DeskError> {
        let lane = self.known_lane(name).await?;
        self.store().set_pause(PauseKey::Lane(lane.clone()), paused, self.inner.now()).await?;
        // What was held back may be claimable now.
        self.wake();
        let lanes = self.lanes().await?;
        Ok(lanes.into_iter().find(|view| view.lane == lane).unwrap_or_else(|| LaneView::of(lane)))
    }

    async fn known_lane(&self, name: &str) -> Result<Lane, DeskError> {
        let missing = || DeskError::NotFound { what: "lane", id: name.chars().take(120).collect() };
        let lane = Lane::parse(name).ok_or_else(missing)?;
        if self.store().pauses().await?.iter().any(|pause| pause.what == PauseKey::Lane(lane.clone())) {
            return Ok(lane);
        }
        let known = match &lane {
            Lane::Recipe(recipe) => self.shelf().get(recipe).is_some(),
            Lane::Provider(provider) => self.providers().names().iter().any(|known| known == provider),
            Lane::Model(model) => model.parse::<ModelRef>().is_ok() && self.providers().resolve(model).is_ok(),
            Lane::Workspace(_) => false,
        };
        if known { Ok(lane) } else { Err(missing()) }
    }
}

fn at(lanes: &mut BTreeMap<Lane, LaneView>, lane: Lane) -> &mut LaneView {
    lanes.entry(lane.clone()).or_insert_with(|| LaneView::of(lane))
}

/// What waits and runs, in the lanes of its recipe, provider and model.
fn count(lanes: &mut BTreeMap<Lane, LaneView>, backlog: &Backlog) {
    for depth in &backlog.depths {
        for lane in lanes_of(&depth.recipe, &depth.model) {
            let view = at(lanes, lane);
            let number = if depth.reason == Depth::READY { &mut view.ready } else { &mut view.parked };
            *number += depth.waiting;
        }
    }
    for load in &backlog.loads {
        for lane in lanes_of(&load.recipe, &load.model) {
            at(lanes, lane).running += load.running;
        }
    }
}

fn lanes_of(recipe: &str, model: &str) -> [Lane; 3] {
    let provider = model.split_once('/').map_or(model, |(provider, _)| provider);
    [Lane::Recipe(recipe.to_owned()), Lane::Provider(provider.to_owned()), Lane::Model(model.to_owned())]
}
