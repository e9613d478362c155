//! The parameters and headers that several routes read, each described once. Beside the extractor that reads it stands
//! what it really accepts; these types only say it.

#![expect(dead_code, reason = "only their description is used")]

use super::words::{
    AssetKey, BudgetKey, BulkKey, DeliveryKey, DraftRef, FeedbackKey, FileKey, GenerationRef, ImportKey, InviteKey,
    JobKey, KeyKey, LaneName, MailKey, MailingKey, ProspectKey, ScheduleKey, SignInKey, SourceKey, SubscriberKey,
    SuppressionKey, UserRef, WebhookKey,
};
use utoipa::IntoParams;

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many rows a page has.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// `asc` begins with the oldest, `desc` with the newest.
    #[param(pattern = "^(asc|desc)$")]
    order: Option<String>,
    /// `next_cursor` of the page before.
    #[param(max_length = 514, pattern = "^c_([0-9a-f]{2})+$")]
    cursor: Option<String>,
    /// The filters of this list as one text: `status:failed user:"Anna B"` is the same as a parameter for each.
    q: Option<String>,
}

/// `{id}` of a generation.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct GenerationPath {
    /// `gen_...`, a bare UUID, or `ext:` and your own id of the draft, which means its newest generation.
    #[param(value_type = GenerationRef)]
    id: String,
}

/// `{id}` of a draft.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DraftPath {
    /// `drf_...`, a bare UUID, or `ext:` and your own id of it.
    #[param(value_type = DraftRef)]
    id: String,
}

/// `{n}` of a version.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct VersionPath {
    /// The number of the version; the first is 1.
    #[param(minimum = 1)]
    n: u32,
}

/// `{id}` of a budget.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BudgetPath {
    /// `bud_...` or a bare UUID.
    #[param(value_type = BudgetKey)]
    id: String,
}

/// `{id}` of a job.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobPath {
    /// `job_...` or a bare UUID.
    #[param(value_type = JobKey)]
    id: String,
}

/// `{id}` of a mailing.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MailingPath {
    /// `mlg_...` or a bare UUID.
    #[param(value_type = MailingKey)]
    id: String,
}

/// `{id}` of a mail.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MailPath {
    /// `eml_...` or a bare UUID.
    #[param(value_type = MailKey)]
    id: String,
}

/// `{id}` of a subscriber.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SubscriberPath {
    /// `sub_...` or a bare UUID.
    #[param(value_type = SubscriberKey)]
    id: String,
}

/// `{id}` of a suppression.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SuppressionPath {
    /// `sup_...` or a bare UUID.
    #[param(value_type = SuppressionKey)]
    id: String,
}

/// `{id}` of a bulk action.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BulkPath {
    /// `blk_...` or a bare UUID.
    #[param(value_type = BulkKey)]
    id: String,
}

/// `{id}` of a schedule.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SchedulePath {
    /// `sch_...` or a bare UUID.
    #[param(value_type = ScheduleKey)]
    id: String,
}

/// `{id}` of a prospect.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProspectPath {
    /// `prs_...` or a bare UUID.
    #[param(value_type = ProspectKey)]
    id: String,
}

/// `{id}` of an import of prospects.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ImportPath {
    /// `imp_...` or a bare UUID.
    #[param(value_type = ImportKey)]
    id: String,
}

/// `{id}` of a key.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct KeyPath {
    /// `key_...` or a bare UUID.
    #[param(value_type = KeyKey)]
    id: String,
}

/// `{id}` of an opinion.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FeedbackPath {
    /// `fbk_...` or a bare UUID.
    #[param(value_type = FeedbackKey)]
    id: String,
}

/// `{id}` of a source.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SourcePath {
    /// `src_...` or a bare UUID.
    #[param(value_type = SourceKey)]
    id: String,
}

/// `{id}` of a webhook.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WebhookPath {
    /// `whk_...` or a bare UUID.
    #[param(value_type = WebhookKey)]
    id: String,
}

/// `{id}` of a message to a webhook.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DeliveryPath {
    /// `msg_...` or a bare UUID.
    #[param(value_type = DeliveryKey)]
    id: String,
}

/// `{id}` of a user.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UserPath {
    /// `usr_...`, a bare UUID, or `ext:` and your own name of the user.
    #[param(value_type = UserRef)]
    id: String,
}

/// `{id}` of an invite.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InvitePath {
    /// `lnk_...` or a bare UUID.
    #[param(value_type = InviteKey)]
    id: String,
}

/// `{id}` of a sign-in.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SignInPath {
    /// `sin_...` or a bare UUID.
    #[param(value_type = SignInKey)]
    id: String,
}

/// `{promise}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PromisePath {
    /// Its name, as the list says it.
    #[param(pattern = "^[a-z_]+$", example = "balances_add_up")]
    promise: String,
}

/// `{name}` of a provider.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProviderPath {
    /// The name it was set up under.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "demo")]
    name: String,
}

/// `{lane}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LanePath {
    /// `recipe:NAME`, `provider:NAME` or `model:PROVIDER/MODEL`, with `%2F` for the slash.
    #[param(value_type = LaneName)]
    lane: String,
}

/// `{id}` of a file.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AssetPath {
    /// `ast_...` or a bare UUID.
    #[param(value_type = AssetKey)]
    id: String,
}

/// `{id}` of a file that was put here.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilePath {
    /// `fil_...` or a bare UUID.
    #[param(value_type = FileKey)]
    id: String,
}

/// The address of a model.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ModelPath {
    /// The name of a provider that is set up.
    #[param(pattern = "^[a-z0-9][a-z0-9_-]*$")]
    provider: String,
    /// The model as the provider calls it. It may contain slashes.
    model: String,
}

/// See `extract/idempotency.rs`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyHeader {
    /// A key of your own making, such as a UUID. The same key with the same body is answered as the first time, for 7 days.
    #[param(rename = "Idempotency-Key", pattern = r#"^([!#-~]([ -~]{0,253}[!-~])?|"([ !#-\[\]-~]|\\["\\]){1,255}")$"#)]
    idempotency_key: Option<String>,
}

/// See `extract/prefer.rs`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct PreferHeader {
    /// `wait=30` waits up to 30 seconds (at most 60) for the end and answers with the finished object. What cannot be read is
    /// ignored.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
}

/// The same, where what is there is changed only with it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct ProfileMatch {
    /// The `ETag` of the profile the change was made for, or `*` to overwrite whatever is there. Without it a profile is made,
    /// and one that is there is left as it is (428).
    #[param(rename = "If-Match", pattern = "^(\\*|(W/)?\"[0-9]{1,15}\")$")]
    if_match: Option<String>,
}

/// See `extract/etag.rs`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatch {
    /// The `ETag` of what the change was made for, or `*`. Without it the change is made to whatever is there.
    #[param(rename = "If-Match", pattern = "^(\\*|(W/)?\"[0-9]{1,15}\")$")]
    if_match: Option<String>,
}

/// The same, where a change may not be made blindly.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct MustMatch {
    /// The `ETag` of the draft the change was made for, or `*` to overwrite whatever is there.
    #[param(rename = "If-Match", pattern = "^(\\*|(W/)?\"[0-9]{1,15}\")$")]
    if_match: String,
}

/// See `extract/etag.rs`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfNoneMatch {
    /// `ETag`s that the caller has already; the answer is then 304 without a body.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// Of the health routes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Verbose {
    /// List every check.
    verbose: Option<bool>,
}
