//! Tokens of an identity provider: whose are taken, and every way to forge one. The issuer is made up here, with keys made for
//! the test; the RSA key, which nothing here can make, is in `fixtures/` and belongs to nobody.

use crate::site::Site;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use copydesk_api::{ApiSettings, router};
use copydesk_core::Timestamp;
use copydesk_core::access::{KeyScope, ScopeSet};
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::oidc::{DOCUMENT_BYTES_MAX, Fetch, Oidc, OidcSettings};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use futures::future::BoxFuture;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://desk.example";
const NOON: i64 = 1_767_268_800;

enum Signer {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    fn ed25519() -> Signer {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }
    fn p256() -> Signer {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Signer::P256(pair.unwrap())
    }
    fn rsa() -> Signer {
        let text: String = include_str!("fixtures/rsa_of_a_made_up_issuer.txt").split_whitespace().collect();
        Signer::Rsa(Box::new(RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap()))
    }
    fn algorithm(&self) -> &'static str {
        match self {
            Signer::Ed25519(_) => "EdDSA",
            Signer::P256(_) => "ES256",
            Signer::Rsa(_) => "RS256",
        }
    }
    fn jwk(&self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Signer::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(pair.public_key().as_ref())})
            }
            Signer::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
                    "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Signer::Rsa(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "kid": kid, "n": encode(&[&[0][..], &public.n].concat()), "e": encode(&public.e)})
            }
        }
    }
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn token_with(head: &Value, claims: &Value, signer: &Signer) -> String {
    let signed = format!("{}.{}", encoded(head), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn token(signer: &Signer, claims: &Value) -> String {
    token_with(&json!({"alg": signer.algorithm(), "kid": "k1", "typ": "JWT"}), claims, signer)
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "scheduler", "exp": NOON + 600, "iat": NOON})
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

/// The issuer's web server, without a socket.
struct Issuer {
    keys: Mutex<Vec<Value>>,
    down: Mutex<Option<&'static str>>,
    asked: AtomicUsize,
}

impl Fetch for Issuer {
    fn get(&self, url: &str) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = match (*self.down.lock().unwrap(), url) {
            (Some("silent"), _) => return Box::pin(futures::future::pending()),
            (Some("huge"), _) => Ok(vec![b' '; DOCUMENT_BYTES_MAX + 1]),
            (Some("another issuer"), _) => Ok(json!({"issuer": "https://evil.example"}).to_string().into_bytes()),
            (Some("plain http"), _) => {
                Ok(json!({"issuer": ISSUER, "jwks_uri": "http://issuer.example/keys"}).to_string().into_bytes())
            }
            (Some(why), _) => Err(why.to_owned()),
            (None, "https://issuer.example/.well-known/openid-configuration") => {
                Ok(json!({"issuer": ISSUER, "jwks_uri": "https://issuer.example/keys"}).to_string().into_bytes())
            }
            (None, "https://issuer.example/keys") => {
                Ok(json!({"keys": *self.keys.lock().unwrap()}).to_string().into_bytes())
            }
            (None, other) => panic!("{other} was asked for"),
        };
        Box::pin(async move { answer })
    }
}

struct Scene {
    site: Site,
    issuer: Arc<Issuer>,
    clock: Arc<HandClock>,
}

impl Scene {
    async fn set(keys: Vec<Value>) -> Scene {
        Scene::of(
            keys,
            OidcSettings {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                scopes: ScopeSet::of(&[KeyScope::Maintenance]),
                subjects: vec!["scheduler".to_owned()],
                emails: vec!["job@project.example".to_owned()],
            },
        )
        .await
    }

    async fn of(keys: Vec<Value>, settings: OidcSettings) -> Scene {
        let clock = HandClock::at(Timestamp::from_micros(NOON * 1_000_000));
        let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
        let mut site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
        let issuer = Arc::new(Issuer { keys: Mutex::new(keys), down: Mutex::default(), asked: AtomicUsize::new(0) });
        let oidc = Arc::new(Oidc::new(settings, issuer.clone()));
        let public_url = crate::site::PUBLIC_URL.to_owned();
        site.app = router(site.desk.clone(), ApiSettings { oidc: Some(oidc), public_url, ..ApiSettings::default() });
        Scene { site, issuer, clock }
    }

    async fn status(&self, token: &str) -> (u16, String) {
        self.on("POST", "/api/v1/maintenance/cleanup-stale", token).await
    }

    async fn on(&self, method: &str, path: &str, token: &str) -> (u16, String) {
        let reply = self.site.raw(method, path, &[("authorization", &format!("Bearer {token}"))], "").await;
        let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
        (reply.status, code)
    }

    fn asked(&self) -> usize {
        self.issuer.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_token_of_the_issuer_may_what_was_configured_and_nothing_else() {
    for signer in [Signer::ed25519(), Signer::p256(), Signer::rsa()] {
        let scene = Scene::set(vec![json!({"kty": "oct", "kid": "k1", "k": "AAAA"}), signer.jwk("k1")]).await;
        let good = token(&signer, &claims());
        assert_eq!(scene.status(&good).await.0, 200, "{}", signer.algorithm());
        assert_eq!(scene.status(&good).await.0, 200);
        assert_eq!(scene.asked(), 2, "discovery and keys, once");
        for (method, path) in [("GET", "/api/v1/drafts"), ("GET", "/api/v1/keys"), ("POST", "/api/v1/stream-tokens")] {
            assert_eq!(scene.on(method, path, &good).await, (403, "scope_missing".to_owned()), "{path}");
        }
        let told = scene.site.raw("GET", "/api/v1/session", &[("authorization", &format!("Bearer {good}"))], "").await;
        assert_eq!((&told.json()["scopes"], &told.json()["user"]), (&json!(["maintenance"]), &Value::Null));
        assert_eq!(scene.status(&scene.site.key).await.0, 200, "keys are keys");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_refuses_it() {
    let signer = Signer::ed25519();
    let scene = Scene::set(vec![signer.jwk("k1")]).await;
    for (what, bad) in [
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("almost the issuer", with("iss", json!("https://issuer.example/"))),
        ("another audience", with("aud", json!("https://other.example"))),
        ("no audience", with("aud", Value::Null)),
        ("other audiences", with("aud", json!(["a", "b"]))),
        ("no end", with("exp", Value::Null)),
        ("an end in words", with("exp", json!("tomorrow"))),
        ("not yet", with("nbf", json!(NOON + 120))),
        ("made tomorrow", with("iat", json!(NOON + 86_400))),
        ("nobody", with("sub", Value::Null)),
    ] {
        assert_eq!(scene.status(&token(&signer, &bad)).await, (401, "invalid_key".to_owned()), "{what}");
    }
    assert_eq!(scene.asked(), 0, "nobody asks the issuer for them");
    let unverified = {
        let mut claims = with("sub", json!("stranger"));
        claims["email"] = json!("job@project.example");
        claims["email_verified"] = json!("true");
        claims
    };
    // Who is on the list is told to nobody whose token is not the issuer's.
    let forger = Signer::ed25519();
    for (what, bad) in [("somebody else", with("sub", json!("stranger"))), ("an unverified e-mail", unverified)] {
        let told = async |signer: &Signer| {
            let bearer = format!("Bearer {}", token(signer, &bad));
            let reply = scene.site.raw("GET", "/api/v1/session", &[("authorization", &bearer)], "").await;
            assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_key"), "{what}");
            reply.json()["detail"].as_str().unwrap().to_owned()
        };
        assert!(told(&signer).await.contains("not on the list"), "{what}");
        assert!(told(&forger).await.contains("not signed"), "{what}");
    }
    assert_eq!(scene.status(&token(&signer, &with("exp", json!(NOON - 60)))).await, (401, "expired_key".to_owned()));
    for (what, good) in [
        ("one of several audiences", with("aud", json!(["x", AUDIENCE]))),
        ("just over", with("exp", json!(NOON - 59))),
        ("a second early", with("nbf", json!(NOON + 60))),
        ("fractions", with("exp", json!(NOON as f64 + 0.5))),
        ("by its verified e-mail", {
            let mut claims = with("sub", json!("1234"));
            claims["email"] = json!("job@project.example");
            claims["email_verified"] = json!(true);
            claims
        }),
    ] {
        assert_eq!(scene.status(&token(&signer, &good)).await.0, 200, "{what}");
    }
}

#[tokio::test]
async fn no_forged_token_is_believed() {
    let (signer, rsa, stranger) = (Signer::ed25519(), Signer::rsa(), Signer::ed25519());
    let scene = Scene::set(vec![signer.jwk("k1"), rsa.jwk("r1")]).await;
    let head = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid});
    let good = token(&signer, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let hmac = {
        // The public key taken for the secret of an HMAC: the classic confusion.
        let signed = format!("{}.{}", encoded(&head("HS256", "r1")), encoded(&claims()));
        let secret = rsa.jwk("r1")["n"].as_str().unwrap().to_owned();
        let tag =
            ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let changed = format!("{}.{}", encoded(&head("EdDSA", "k1")), encoded(&with("sub", json!("scheduler "))));
    let forged = [
        ("no algorithm", format!("{}.{}.", encoded(&head("none", "k1")), encoded(&claims()))),
        ("NONE", format!("{}.{}.", encoded(&head("NONE", "k1")), encoded(&claims()))),
        ("an HMAC", hmac),
        ("no signature", format!("{signed}.")),
        ("a signature of something else", format!("{changed}.{signature}")),
        ("somebody else's key", token(&stranger, &claims())),
        ("the key of another name", token_with(&head("EdDSA", "r1"), &claims(), &signer)),
        ("a key nobody has", token_with(&head("EdDSA", "k9"), &claims(), &signer)),
        ("another algorithm", token_with(&head("RS256", "k1"), &claims(), &signer)),
        ("a key of its own", {
            let mut head = head("EdDSA", "k1");
            head["jwk"] = stranger.jwk("k1");
            token_with(&head, &claims(), &stranger)
        }),
        ("something critical", {
            let mut head = head("EdDSA", "k1");
            head["crit"] = json!(["b64"]);
            token_with(&head, &claims(), &signer)
        }),
        ("rubbish", "eyJ.eyJ.eyJ".to_owned()),
        ("too long", token(&signer, &with("x", json!("x".repeat(7_000))))),
    ];
    for (what, forged) in forged {
        assert_eq!(scene.status(&forged).await, (401, "invalid_key".to_owned()), "{what}");
    }
    for place in [5, signed.len() / 2, signed.len() + 5, good.len() - 3] {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let (status, _) = scene.status(&String::from_utf8(bytes).unwrap()).await;
        assert_eq!(status, 401, "the character {place}");
    }
    assert_eq!(scene.status(&good).await.0, 200);
}

#[tokio::test]
async fn new_keys_are_learnt_and_a_flood_of_names_asks_once_a_minute() {
    let (old, new) = (Signer::ed25519(), Signer::p256());
    let scene = Scene::set(vec![old.jwk("k1")]).await;
    let (by_old, by_new) = (token(&old, &claims()), token_with(&json!({"alg": "ES256", "kid": "k2"}), &claims(), &new));
    assert_eq!((scene.status(&by_old).await.0, scene.asked()), (200, 2));
    *scene.issuer.keys.lock().unwrap() = vec![new.jwk("k2")];
    for n in 0..50 {
        let made_up = token_with(&json!({"alg": "EdDSA", "kid": format!("x{n}")}), &claims(), &old);
        assert_eq!(scene.status(&made_up).await.0, 401);
    }
    assert_eq!(scene.asked(), 2, "they were read a moment ago");
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.status(&by_new).await.0, 200);
    assert_eq!(scene.asked(), 4);
    assert_eq!(scene.status(&by_old).await.0, 401, "a key that its issuer took back signs nothing any more");
}

#[tokio::test]
async fn an_issuer_that_is_down_lets_nobody_new_in() {
    let signer = Signer::ed25519();
    let good = token(&signer, &with("exp", json!(NOON + 10 * 86_400)));
    for down in ["connection refused", "huge", "another issuer", "plain http"] {
        let scene = Scene::set(vec![signer.jwk("k1")]).await;
        *scene.issuer.down.lock().unwrap() = Some(down);
        assert_eq!(scene.status(&good).await, (401, "invalid_key".to_owned()), "{down}");
        let asked = scene.asked();
        assert_eq!(scene.status(&good).await.0, 401, "{down}");
        assert_eq!(scene.asked(), asked, "{down}: it is not asked again at once");
    }
    let scene = Scene::set(vec![signer.jwk("k1")]).await;
    assert_eq!(scene.status(&good).await.0, 200);
    *scene.issuer.down.lock().unwrap() = Some("connection refused");
    scene.clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(scene.status(&good).await.0, 200, "its keys are known for a day");
    scene.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(scene.status(&good).await.0, 401, "and no longer");
    *scene.issuer.down.lock().unwrap() = None;
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.status(&good).await.0, 200);
}

#[tokio::test]
async fn a_silent_issuer_is_waited_for_no_longer_than_its_limit() {
    let signer = Signer::ed25519();
    let scene = Scene::set(vec![signer.jwk("k1")]).await;
    *scene.issuer.down.lock().unwrap() = Some("silent");
    let request = Request::post("/api/v1/maintenance/cleanup-stale")
        .header("authorization", format!("Bearer {}", token(&signer, &claims())))
        .body(Body::empty())
        .unwrap();
    let asking = tokio::spawn(scene.site.app.clone().oneshot(request));
    while scene.asked() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(asking.await.unwrap().unwrap().status(), 401);
}

#[tokio::test]
async fn without_an_issuer_a_token_is_an_unknown_key() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", token(&Signer::ed25519(), &claims()));
    let reply = site.raw("GET", "/api/v1/drafts", &[("authorization", &bearer)], "").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_key"));
}
