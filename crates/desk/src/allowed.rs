//! Whether the key that asks may ask for this: its recipe, every model that may be tried, its user.

use crate::accept::{Request, route};
use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::UserId;
use copydesk_core::recipe::Recipe;

/// How many models are named instead of one that is not allowed.
const NAMED_MAX: usize = 20;

impl Inner {
    /// Without a model of its own, a request may be tried on every model of the recipe's route, so the key must be allowed
    /// all of them.
    pub(crate) fn allowed(&self, request: &Request, recipe: &Recipe) -> Result<(), DeskError> {
        let permit = &request.permit;
        permit.recipe(&recipe.name).map_err(|denied| DeskError::Denied { denied, instead: Vec::new() })?;
        let models = match &request.model {
            Some(model) => vec![model.clone()],
            None => route(recipe, &self.providers),
        };
        models.iter().try_for_each(|model| permit.model(model)).map_err(|denied| {
            let known = self.providers.addresses().into_iter();
            let instead = known.filter(|model| permit.model(model).is_ok()).take(NAMED_MAX).collect();
            DeskError::Denied { denied, instead }
        })
    }

    /// A key of one user asks for that user, and for nobody else.
    pub(crate) fn for_own_user(&self, request: &mut Request) -> Result<(), DeskError> {
        let Some(own) = &request.permit.user else { return Ok(()) };
        match &request.user {
            Some(asked) if asked != own => Err(DeskError::invalid(
                "/user",
                "not_allowed",
                format!("this key belongs to the user {own:?}; leave user out, or use a key for all users"),
            )),
            Some(_) | None => {
                request.scope = request.scope.of_user(UserId::from_external(request.scope.workspace, own));
                request.user = Some(own.clone());
                Ok(())
            }
        }
    }
}
