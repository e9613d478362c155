//! S-37: what was changed on the way is told from what was sent, in the opinion of the specification's own library.

use copydesk_core::{DeliveryId, Timestamp};
use copydesk_desk::World;
use copydesk_desk::webhooks::SigningSecret;
use copydesk_desk::webhooks::signature::headers;
use http::HeaderMap;
use standardwebhooks::Webhook;
use std::time::Duration;
use uuid::Uuid;

const MUTATIONS: usize = 10_000;

struct Sent {
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Sent {
    fn new(world: &World, secrets: &[SigningSecret], at: Timestamp) -> Sent {
        let body = format!("{{\"type\":\"generation.completed\",\"seq\":{}}}", world.jitter().0);
        Sent { headers: headers(DeliveryId(world.uuid(at)), at, secrets, &body), body }
    }
    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(known, _)| *known == name).unwrap().1
    }
    fn verifies(&self, secret: &SigningSecret) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            map.insert(*name, value.parse().unwrap());
        }
        Webhook::new(&secret.reveal()).unwrap().verify(self.body.as_bytes(), &map).is_ok()
    }
}

fn random(world: &World, below: usize) -> usize {
    let mut bytes = [0; 4];
    world.fill(&mut bytes);
    u32::from_be_bytes(bytes) as usize % below
}

/// One change of one message; it always changes something.
fn mutate(world: &World, sent: &mut Sent, kind: usize) {
    match kind {
        0 => {
            let at = random(world, sent.body.len());
            let mut bytes = sent.body.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            sent.body = String::from_utf8(bytes).unwrap();
        }
        1 => sent.body.insert(random(world, sent.body.len() + 1), ' '),
        2 => *sent.header("webhook-id") = DeliveryId(Uuid::from_u128(random(world, 1 << 30) as u128)).to_string(),
        3 => {
            let at: i64 = sent.header("webhook-timestamp").parse().unwrap();
            let by = i64::try_from(1 + random(world, 290)).unwrap();
            *sent.header("webhook-timestamp") = (if random(world, 2) == 0 { at + by } else { at - by }).to_string();
        }
        4 => {
            // The letters of the signature in another order.
            let signature = sent.header("webhook-signature");
            let turned: String = signature["v1,".len()..].chars().rev().collect();
            *signature = format!("v1,{turned}");
        }
        5 => {
            let signature = sent.header("webhook-signature");
            *signature = signature.replacen("v1,", ["v1a,", "v2,", "v1 ,", "V1,", ""][random(world, 5)], 1);
        }
        6 => {
            // Each half of one signature is not a signature; nor is one of another message.
            let other =
                Sent::new(world, &[SigningSecret::random(world)], world.now()).header("webhook-signature").clone();
            *sent.header("webhook-signature") = other;
        }
        _ => {
            let signature = sent.header("webhook-signature");
            let keep = 3 + random(world, signature.len() - 4);
            signature.truncate(keep);
        }
    }
}

#[test]
fn s37_ten_thousand_changed_messages_are_all_refused_and_the_unchanged_ones_are_not() {
    let world = World::real();
    let (secret, next) = (SigningSecret::random(&world), SigningSecret::random(&world));
    for n in 0..MUTATIONS {
        let mut sent = Sent::new(&world, std::slice::from_ref(&secret), world.now());
        if n % 10 == 0 {
            assert!(sent.verifies(&secret) && !sent.verifies(&next), "{n}");
        }
        mutate(&world, &mut sent, n % 8);
        assert!(!sent.verifies(&secret), "mutation {}: {:?} {}", n % 8, sent.headers, sent.body);
    }
}

#[test]
fn s37_what_is_six_minutes_off_is_refused_although_its_signature_is_right() {
    let world = World::real();
    let secret = SigningSecret::random(&world);
    let off = |at: Timestamp| Sent::new(&world, std::slice::from_ref(&secret), at).verifies(&secret);
    let six = Duration::from_secs(360);
    assert!(off(world.now()) && !off(world.now().plus(six)) && !off(world.now().minus(six)));
}

#[test]
fn s38_either_secret_verifies_what_is_signed_with_both() {
    let world = World::real();
    let secrets = [SigningSecret::random(&world), SigningSecret::random(&world)];
    let mut sent = Sent::new(&world, &secrets, world.now());
    assert!(sent.verifies(&secrets[0]) && sent.verifies(&secrets[1]));
    assert_eq!(sent.header("webhook-signature").split(' ').count(), 2);
}
