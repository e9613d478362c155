//! Profiles of recipes on the wire.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::profile;
use copydesk_desk::DeskError;
use copydesk_desk::profiles::fields_of;
use copydesk_desk::store::profiles::ProfileRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Fields of a recipe's input that are filled into requests which leave them out.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(crate) struct ProfileBody {
    object: &'static str,
    id: String,
    uuid: String,
    recipe: String,
    /// Whose it is; `null` is everybody's.
    user: Option<String>,
    user_id: Option<String>,
    #[schema(value_type = Object)]
    fields: Value,
    /// Rises with every change: the ETag.
    revision: i64,
    created_at: String,
    updated_at: String,
}

impl ProfileBody {
    /// Errors: stored fields that are none.
    pub fn of(row: ProfileRow) -> Result<ProfileBody, DeskError> {
        let fields = Value::Object(fields_of(&row)?);
        let (user_id, user) = row.user.map(|(id, external)| (id.to_string(), external)).unzip();
        Ok(ProfileBody {
            object: "profile",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            recipe: row.recipe,
            user,
            user_id,
            fields,
            revision: row.revision,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        })
    }
}

/// A profile as it is to be, whole.
#[derive(ToSchema)]
pub(crate) struct NewProfile {
    /// Fields of the recipe's input; those that are not there are left to requests.
    #[schema(value_type = Object)]
    pub fields: profile::Fields,
}

impl FromFields for NewProfile {
    fn read(fields: &mut Fields) -> NewProfile {
        let given = match fields.value("fields") {
            Some(Value::Object(given)) => given,
            Some(_) => {
                fields.fault("fields", "wrong_type", "it must be an object: fields of the recipe's input");
                profile::Fields::new()
            }
            None => {
                fields.fault("fields", "required", "it is missing: fields of the recipe's input");
                profile::Fields::new()
            }
        };
        NewProfile { fields: given }
    }
}
