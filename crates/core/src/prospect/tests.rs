//! Who is the same, what an edit makes of one, what a row says, who is eligible.

use super::*;
use serde_json::json;

fn said(texts: &[(Field, &str)]) -> Edit {
    let mut edit = Edit::default();
    texts.iter().for_each(|(field, text)| edit.say(*field, text).unwrap());
    edit
}

#[test]
fn who_is_the_same_is_said_by_the_id_then_the_address_then_the_texts() {
    let ann = said(&[(Field::ContactEmail, " Ann@Example.com "), (Field::Name, "Ann")]);
    let facts = Facts::default().edited(&ann);
    assert_eq!(facts.identity(), "mail:ann@example.com");
    let named = facts.edited(&said(&[(Field::ExternalId, "p-1")]));
    assert_eq!(named.identity(), Facts::identity_of("p-1"));
    let [plain, other] = ["Ann", "Ben"].map(|name| Facts::default().edited(&said(&[(Field::Name, name)])).identity());
    assert!(plain.starts_with("texts:") && plain != other);
}

#[test]
fn an_edit_changes_what_it_names_and_nothing_else() {
    let mut edit = said(&[(Field::Name, "Ann"), (Field::Company, "Tea Ltd")]);
    edit.more = json!({"page_text": "We sell tea.", "role": "owner"}).as_object().cloned().unwrap();
    let facts = Facts::default().edited(&edit);
    let mut less = said(&[(Field::Company, "  ")]);
    less.more.insert("role".to_owned(), serde_json::Value::Null);
    less.verification = Some(Verification::Verified);
    let after = facts.edited(&less);
    assert_eq!((after.text(Field::Name), after.text(Field::Company)), (Some("Ann"), None));
    assert_eq!(serde_json::Value::Object(after.more.clone()), json!({"page_text": "We sell tea."}));
    assert_eq!(after.edited(&Edit::default()), after);
}

#[test]
fn what_cannot_be_is_refused_with_its_field() {
    let mut edit = Edit::default();
    assert_eq!(edit.say(Field::ContactEmail, "ann at example").unwrap_err().code, "bad_email");
    assert_eq!(edit.say(Field::Name, &"a".repeat(256)).unwrap_err().field, "name");
    assert_eq!(Facts::default().faults()[0].code, "required");
    let mut large = Facts::default().edited(&said(&[(Field::Name, "Ann")]));
    large.more.insert("page_text".to_owned(), "x".repeat(FACTS_BYTES_MAX).into());
    assert_eq!(large.faults()[0].field, "facts");
}

#[test]
fn everybody_stands_somewhere_and_the_first_reason_counts() {
    let rule = Rule::default();
    let standing = |email: &str, verification, source: &str, stage| {
        let mut edit = said(&[(Field::Name, "Ann"), (Field::ContactEmail, email), (Field::SourceType, source)]);
        edit.verification = Some(verification);
        rule.standing(&Facts::default().edited(&edit), stage)
    };
    let mail = "ann@example.com";
    assert_eq!(standing("", Verification::Rejected, "list", Stage::Drafted), Standing::Rejected);
    assert_eq!(standing("", Verification::Unverified, "list", Stage::None), Standing::NoEmail);
    assert_eq!(standing(mail, Verification::Unknown, "list", Stage::None), Standing::Unverified);
    assert_eq!(standing(mail, Verification::Verified, "list", Stage::Drafted), Standing::OtherSource);
    assert_eq!(standing(mail, Verification::Verified, "website", Stage::Drafted), Standing::Drafted);
    assert_eq!(standing(mail, Verification::Verified, "website", Stage::Drafting), Standing::Drafting);
    assert_eq!(standing(mail, Verification::Verified, "website", Stage::None), Standing::Eligible);
    let open = Rule { verification: Verification::Unverified, needs_email: false, source_type: None };
    assert_eq!(open.standing(&Facts::default(), Stage::None), Standing::Eligible);
}

#[test]
fn a_mail_is_there_only_with_both_parts() {
    assert!(is_drafted(Some("Hello"), Some("Text")));
    assert!(!is_drafted(Some(" \t\n"), Some("Text")) && !is_drafted(Some("Hello"), None));
}

#[test]
fn a_row_says_fields_facts_and_instants() {
    let warsaw = crate::metering::cuts::Zone::named("Europe/Warsaw").unwrap();
    let row = |value: serde_json::Value| value.as_object().cloned().unwrap();
    let said = json!({"external_id": 7, "name": " Ann ", "company": null, "verification_status": "Verified",
        "verified_at": "2026-03-01 10:30", "seen_at": "2026-03-01T10:30:00+02:00", "founded": "2019-05-01",
        "motto": "tea: always", "facts": {"role": "owner"}});
    let edit = read_row(row(said), Some(&warsaw)).unwrap().telling();
    assert_eq!(edit.texts[&Field::ExternalId].as_deref(), Some("7"));
    assert!(!edit.texts.contains_key(&Field::Company), "what is empty is not spoken of");
    assert_eq!(edit.verification, Some(Verification::Verified));
    let more = json!({"verified_at": "2026-03-01T09:30:00.000000Z", "seen_at": "2026-03-01T08:30:00.000000Z",
        "founded": "2019-05-01", "motto": "tea: always", "role": "owner"});
    assert_eq!(serde_json::Value::Object(edit.more), more);
    let naive = read_row(row(json!({"verified_at": "2026-03-01 10:30"})), None).unwrap_err();
    assert_eq!((naive[0].field.as_str(), naive[0].code), ("verified_at", "naive_timestamp"));
    // 02:30 came twice on that night.
    let twice = read_row(row(json!({"verified_at": "2026-10-25 02:30"})), Some(&warsaw)).unwrap_err();
    assert_eq!(twice[0].code, "ambiguous_time");
    let word = read_row(row(json!({"verification_status": "good", "name": [1]})), None).unwrap_err();
    assert_eq!(word.iter().map(|bad| bad.code).collect::<Vec<_>>(), ["wrong_type", "not_allowed"]);
}

fn known(verification: Verification, reason: Option<&str>) -> Facts {
    let mut edit = said(&[(Field::Name, "Ann"), (Field::ContactEmail, "ann@example.com")]);
    edit.verification = Some(verification);
    edit.texts.extend(reason.map(|reason| (Field::VerificationReason, Some(reason.to_owned()))));
    Facts::default().edited(&edit)
}

#[test]
fn a_domain_without_mail_rejects_and_one_that_takes_mail_verifies_only_who_is_trusting() {
    use Verification::{Rejected, Unknown, Unverified, Verified};
    let judged = |from, reason, domain: &MailDomain, trusting| {
        judge(&known(from, reason), domain, trusting).map(|to| (to.verification, to.reason))
    };
    let (takes, gone) = (MailDomain::Takes, MailDomain::Without(NoMail::NoDomain));
    for from in [Unverified, Unknown, Verified] {
        assert_eq!(judged(from, None, &gone, false), Some((Rejected, Some("no_domain"))), "{from:?}");
        assert_eq!(judged(from, None, &takes, false), None, "it says nothing of one address");
    }
    for from in [Unverified, Unknown] {
        assert_eq!(judged(from, None, &takes, true), Some((Verified, Some(DOMAIN_TAKES_MAIL))));
    }
    assert_eq!(judged(Verified, Some("by telephone"), &takes, true), None, "somebody knew more");
    // What was rejected here is taken back; what somebody else rejected is not.
    assert_eq!(judged(Rejected, Some("null_mx"), &takes, false), Some((Unverified, None)));
    assert_eq!(judged(Rejected, Some("null_mx"), &takes, true), Some((Verified, Some(DOMAIN_TAKES_MAIL))));
    assert_eq!(judged(Rejected, Some("asked us to stop"), &takes, true), None);
    assert_eq!(judged(Rejected, None, &takes, true), None);
    assert_eq!(judged(Rejected, Some("null_mx"), &gone, true), None);
    for from in Verification::ALL {
        assert_eq!(judged(from, Some("no_domain"), &MailDomain::Unclear("nobody answers".to_owned()), true), None);
    }
}

#[test]
fn a_reason_goes_with_the_verdict_and_a_verdict_with_the_address() {
    let rejected = known(Verification::Rejected, Some("null_mx"));
    let to = |verification| Edit { verification: Some(verification), ..Edit::default() };
    assert_eq!(rejected.edited(&to(Verification::Verified)).text(Field::VerificationReason), None);
    assert_eq!(rejected.edited(&to(Verification::Rejected)), rejected);
    let moved = rejected.edited(&said(&[(Field::ContactEmail, "ann@other.example")]));
    assert_eq!((moved.verification, moved.text(Field::VerificationReason)), (Verification::Unverified, None));
    assert_eq!(rejected.edited(&said(&[(Field::Company, "Tea Ltd")])).verification, Verification::Rejected);
    let outside = known(Verification::Rejected, Some("asked us to stop"));
    assert_eq!(
        outside.edited(&said(&[(Field::ContactEmail, "ann@other.example")])).verification,
        Verification::Rejected
    );
    for verification in [Verification::Verified, Verification::Unknown] {
        let said_of_it = known(verification, Some("asked the mail host"));
        let moved = said_of_it.edited(&said(&[(Field::ContactEmail, "ann@other.example")]));
        assert_eq!((moved.verification, moved.text(Field::VerificationReason)), (Verification::Unverified, None));
        let with_word =
            Edit { verification: Some(verification), ..said(&[(Field::ContactEmail, "ann@other.example")]) };
        let told = said_of_it.edited(&with_word);
        assert_eq!(
            (told.verification, told.text(Field::VerificationReason)),
            (verification, None),
            "who changes it may say"
        );
        let address = said_of_it.text(Field::ContactEmail).unwrap_or_default().to_uppercase();
        let louder = said_of_it.edited(&said(&[(Field::ContactEmail, &address)]));
        assert_eq!(louder.verification, verification, "the same address in other letters");
    }
    let nameless =
        |reason: &str| Facts::default().edited(&said(&[(Field::Name, "Ann"), (Field::VerificationReason, reason)]));
    assert_eq!(nameless("one").identity(), nameless("two").identity(), "a verdict makes nobody else");
}
