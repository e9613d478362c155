//! One tiny call to a model, to see whether it answers, how fast and for how much. It is an ordinary generation with one
//! attempt, a short deadline and the first place in the queue: it stands on the books, counts for the circuit breaker and
//! obeys every limit. What keeps it from being called at all is the answer, too.

use crate::accept::Request;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::rehearse::Rehearsal;
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::{GenerationId, KeyId, MicroCredits};
use copydesk_store::generations::{Accept, GenerationRow, Idempotency};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{HealthRow, PageRequest, Scope};
use serde_json::json;
use std::time::Duration;

/// The recipe it is a generation of.
const RECIPE: &str = "text";
/// Its user, so that tests are told apart from what people asked for.
pub const USER: &str = "model-test";
/// What the model is asked.
const PROMPT: &str = "Reply with OK.";
/// Room for models that think before they say two letters. Units: tokens.
const OUTPUT_TOKENS_MAX: u32 = 512;
/// The whole of it; shorter than the command line waits for a server.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long an end may be late until the sweeper has seen to it.
const GRACE: Duration = Duration::from_secs(15);
/// How often it is asked what it waits for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelTest {
    /// As it is now: ended, or cancelled because it would have had to wait.
    pub generation: GenerationRow,
    /// Its only call; `None` when none was made.
    pub call: Option<CallRow>,
    /// The model's words.
    pub text: Option<String>,
    /// Why no call was made.
    pub waits: Option<Waiting>,
    /// Models and providers with which something is wrong, after the call.
    pub health: Vec<HealthRow>,
}

impl Desk {
    /// Asks the model at `address` to say OK; with a key that was used, tells what it said then. Needs a worker, here or in another process.
    ///
    /// Errors: `UnknownModel`; `generation_paused` when generation is switched off; `UnknownRecipe` where the recipe `text`
    /// was taken away. A model that does not answer is no error here; it is what was asked.
    pub async fn test_model(
        &self,
        scope: Scope,
        key: Option<KeyId>,
        address: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<ModelTest, DeskError> {
        let id = self.place(self.order_of_test(scope, key, address, idempotency)?).await?;
        let waits = self.follow(scope, id).await?;
        let generation = self.store().get(scope, id).await?;
        let filter = CallFilter { generation: Some(id), ..CallFilter::default() };
        let call = self.store().calls(scope, filter, PageRequest::newest(1)).await?.rows.into_iter().next();
        let text = match generation.version {
            Some(number) => {
                let version = self.store().version(scope, generation.draft, Some(number)).await?;
                Some(crate::publish::content_of(&version)?.to_markdown())
            }
            None => None,
        };
        Ok(ModelTest { generation, call, text, waits, health: self.health().await? })
    }

    /// What [`Desk::test_model`] would do, apart from what the model would say. Errors: its own.
    pub async fn dry_test_model(
        &self,
        scope: Scope,
        key: Option<KeyId>,
        address: &str,
    ) -> Result<Rehearsal, DeskError> {
        self.dry_order(self.order_of_test(scope, key, address, None)?, vec![address.to_owned()]).await
    }

    /// Free of charge and never the same as another: two tests at once are two.
    fn order_of_test(
        &self,
        scope: Scope,
        key: Option<KeyId>,
        address: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Accept, DeskError> {
        let input = json!({ "prompt": PROMPT, "max_output_tokens": OUTPUT_TOKENS_MAX });
        let order = self.rehearse(Request {
            scope,
            model: Some(address.to_owned()),
            user: Some(USER.to_owned()),
            key,
            priority: Priority::MAX,
            deadline: Some(self.inner.now().plus(DEADLINE)),
            metadata: json!({ "model_test": true }),
            idempotency,
            ..Request::new(RECIPE, input)
        })?;
        Ok(Accept { max_attempts: 1, attempts_per_model: 1, dedupe_key: None, hold: MicroCredits::ZERO, ..order })
    }

    /// Waits for its end. What would only wait for something else is cancelled, and the answer says for what.
    async fn follow(&self, scope: Scope, id: GenerationId) -> Result<Option<Waiting>, DeskError> {
        let until = self.inner.world.steady() + DEADLINE + GRACE;
        loop {
            let waiting = self.why(scope, id).await?;
            let last_look = self.inner.world.steady() >= until;
            if holds_back(&waiting) || last_look {
                match self.cancel(scope, id).await {
                    Ok(_) => return Ok(Some(waiting).filter(|waiting| *waiting != Waiting::NotWaiting)),
                    // It began, or ended, a moment ago.
                    Err(DeskError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if self.wait(scope, id, LOOK_EVERY).await?.status().is_final() {
                return Ok(None);
            }
        }
    }
}

/// Whether this would outlast the test. Others before it are done soon, since it goes first.
fn holds_back(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::CoolingDown { .. }
        | Waiting::RateLimited { .. }
        | Waiting::Paused { .. }
        | Waiting::JobPaused { .. }
        | Waiting::NoWorker => true,
        Waiting::BehindOthers { .. }
        | Waiting::LaneFull { .. }
        | Waiting::TargetLocked { .. }
        | Waiting::BackingOff { .. }
        | Waiting::Scheduled { .. }
        | Waiting::NotWaiting => false,
    }
}
