//! OpenAI's format for pictures and embeddings as values: the request bodies, what an answer holds, its usage. Pure
//! functions; they never send or wait, and never make a whole answer of a broken one.
//!
//! Source: OpenAI's API reference, "Create image" and "Create embeddings" (November 2026); `reference/providers.md`, 1.4.

use copydesk_core::Tokens;
use copydesk_core::metering::usage::TokenUsage;
use serde_json::{Map, Value, json};

use crate::error::{ErrorClass, ProviderError};
use crate::http::ANSWER_BYTES_MAX;
use crate::media::{DrawRequest, EmbedRequest};
use crate::openai_wire::{part_of, tokens_at};
use crate::picture;
use crate::provider::{Picture, PictureSource};

/// The most that is read of one answer with files or vectors inside its JSON.
const LARGE_ANSWER_BYTES_MAX: usize = 4 * ANSWER_BYTES_MAX;
/// A vector of 4,096 numbers as text.
const VECTOR_BYTES: usize = 96 * 1024;

/// What is asked for is what is said. `response_format` is not sent: the newer models refuse it and always answer with
/// the bytes, the older ones answer with an address, and both are read.
pub(crate) fn draw_body(request: &DrawRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("prompt".into(), request.prompt.clone().into());
    body.insert("n".into(), request.count.into());
    if let Some(size) = &request.size {
        body.insert("size".into(), size.clone().into());
    }
    Value::Object(body)
}

/// How much of the answer to a picture request is read: one ordinary answer a picture, four at most.
pub(crate) fn drawn_bytes_max(count: u32) -> usize {
    ANSWER_BYTES_MAX.saturating_mul(count.max(1) as usize).min(LARGE_ANSWER_BYTES_MAX)
}

/// All pictures of an answer. A revised prompt is not read: nobody asked for it.
///
/// Errors: `Empty` - none; `Malformed` - one that is no picture, so that nobody pays for a gap without knowing.
pub(crate) fn pictures_in(body: &Value) -> Result<Vec<Picture>, ProviderError> {
    let malformed = |what: &str| ProviderError::new(ErrorClass::Malformed, what);
    let Some(data) = body.get("data").and_then(Value::as_array) else {
        return Err(malformed("the answer is JSON of an unknown shape").with_raw(body.to_string()));
    };
    let format = body.get("output_format").and_then(Value::as_str);
    let pictures: Option<Vec<Picture>> = data.iter().map(|item| picture_in(item, format)).collect();
    let pictures = pictures.ok_or_else(|| malformed("one of the pictures cannot be read"))?;
    if pictures.is_empty() {
        return Err(ProviderError::new(ErrorClass::Empty, "the answer holds no picture").with_raw(body.to_string()));
    }
    Ok(pictures)
}

fn picture_in(item: &Value, format: Option<&str>) -> Option<Picture> {
    let text_at = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(data) = text_at("b64_json") else { return picture::from_url(text_at("url")?) };
    let mut found = picture::from_base64("", data)?;
    let said = text_at("media_type").map(str::to_owned).or_else(|| format.map(|format| format!("image/{format}")));
    // The bytes know best; what the answer says about them is the second best.
    let seen = match &found.source {
        PictureSource::Bytes(bytes) => media_type_of(bytes).map(str::to_owned),
        PictureSource::Url(_) => None,
    };
    found.media_type = seen.or(said).unwrap_or_else(|| "image/png".to_owned());
    Some(found)
}

fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The usage of a picture request: `input_tokens` holds text and picture tokens (`input_tokens_details` only divides
/// them, and names the cached ones), `output_tokens` the drawn ones.
pub(crate) fn drawn_usage(body: &Value) -> TokenUsage {
    let Some(usage) = body.get("usage").filter(|usage| usage.is_object()) else { return TokenUsage::default() };
    let input = tokens_at(usage, "/input_tokens");
    TokenUsage {
        input,
        output: tokens_at(usage, "/output_tokens"),
        input_cached: part_of(tokens_at(usage, "/input_tokens_details/cached_tokens"), input),
        ..TokenUsage::default()
    }
}

pub(crate) fn embed_body(request: &EmbedRequest) -> Value {
    let mut body = json!({"model": request.model, "input": request.texts, "encoding_format": "float"});
    if let Some(dimensions) = request.dimensions {
        body["dimensions"] = dimensions.into();
    }
    body
}

/// How much of the answer to an embedding request is read.
pub(crate) fn embedded_bytes_max(texts: usize) -> usize {
    texts.saturating_mul(VECTOR_BYTES).clamp(ANSWER_BYTES_MAX, LARGE_ANSWER_BYTES_MAX)
}

/// One vector a text, in the order of the texts, whatever order they came in.
///
/// Errors: `Malformed` - one is missing, there twice, of another length, or not made of finite numbers.
pub(crate) fn vectors_in(body: &Value, request: &EmbedRequest) -> Result<Vec<Vec<f32>>, ProviderError> {
    let malformed = |what: String| ProviderError::new(ErrorClass::Malformed, what);
    let Some(data) = body.get("data").and_then(Value::as_array) else {
        return Err(malformed("the answer is JSON of an unknown shape".into()).with_raw(body.to_string()));
    };
    let wanted = request.texts.len();
    if data.len() != wanted {
        return Err(malformed(format!("the answer holds {} vectors for {wanted} texts", data.len())));
    }
    let mut places: Vec<Option<Vec<f32>>> = vec![None; wanted];
    let mut length = request.dimensions.map(|dimensions| dimensions as usize);
    for item in data {
        let index = item.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        let place = index.and_then(|index| places.get_mut(index)).filter(|place| place.is_none());
        let Some(place) = place else {
            return Err(malformed(format!("a vector is numbered {}", item.get("index").unwrap_or(&Value::Null))));
        };
        let Some(vector) = item.get("embedding").and_then(vector) else {
            return Err(malformed("a vector holds something else than finite numbers".into()));
        };
        if *length.get_or_insert(vector.len()) != vector.len() {
            return Err(malformed("the vectors differ in length from each other or from what was asked for".into()));
        }
        *place = Some(vector);
    }
    let vectors: Option<Vec<Vec<f32>>> = places.into_iter().collect();
    vectors.ok_or_else(|| malformed("a vector is missing".into()))
}

fn vector(value: &Value) -> Option<Vec<f32>> {
    // The format is decimal text of 32-bit numbers; the cast only loses what was never there.
    let number = |value: &Value| value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
    let numbers: Vec<f32> = value.as_array()?.iter().map(number).collect::<Option<_>>()?;
    Some(numbers).filter(|numbers| !numbers.is_empty())
}

/// The usage of an embedding request. A vector is not made of tokens and the format has no field for them, so the
/// output is known to be zero wherever the input is known; as "not reported" it would leave every call unpriced.
pub(crate) fn embedded_usage(body: &Value) -> TokenUsage {
    let input = body.get("usage").and_then(|usage| tokens_at(usage, "/prompt_tokens"));
    TokenUsage { input, output: input.map(|_| Tokens(0)), ..TokenUsage::default() }
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;
    use proptest::prelude::*;

    use super::*;
    use crate::provider::Timeouts;

    fn embed(texts: usize, dimensions: Option<u32>) -> EmbedRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        let texts = (0..texts).map(|number| format!("text {number}")).collect();
        EmbedRequest { call_id, model: "e".into(), texts, dimensions, timeouts: Timeouts::default() }
    }

    fn draw(size: Option<&str>) -> DrawRequest {
        let call_id = embed(0, None).call_id;
        let size = size.map(str::to_owned);
        DrawRequest {
            call_id,
            model: "p".into(),
            prompt: "a boat".into(),
            count: 2,
            size,
            timeouts: Timeouts::default(),
        }
    }

    #[test]
    fn the_request_bodies_say_what_was_asked_for_and_nothing_else() {
        assert_eq!(draw_body(&draw(None)), json!({"model": "p", "prompt": "a boat", "n": 2}));
        assert_eq!(draw_body(&draw(Some("1024x1024")))["size"], "1024x1024");
        let wanted = json!({"model": "e", "input": ["text 0", "text 1"], "encoding_format": "float", "dimensions": 3});
        assert_eq!(embed_body(&embed(2, Some(3))), wanted);
        assert!(embed_body(&embed(1, None)).get("dimensions").is_none());
    }

    #[test]
    fn the_bytes_say_what_a_picture_is_before_the_answer_does() {
        let body = json!({"output_format": "webp", "data": [
            {"b64_json": "iVBORw0KGgo=", "revised_prompt": "a red boat"}, {"b64_json": "AAAA"},
            {"url": "https://example.com/a.png"}, {"b64_json": "AAAA", "media_type": "image/avif"},
        ]});
        let kinds: Vec<String> = pictures_in(&body).unwrap().into_iter().map(|picture| picture.media_type).collect();
        assert_eq!(kinds, ["image/png", "image/webp", "image/*", "image/avif"]);
    }

    #[test]
    fn no_picture_is_empty_and_a_broken_one_is_never_left_out() {
        let class = |body| pictures_in(&body).unwrap_err().class;
        assert_eq!(class(json!({"data": []})), ErrorClass::Empty);
        assert_eq!(class(json!({"created": 1})), ErrorClass::Malformed);
        for broken in [json!({}), json!({"b64_json": "***"}), json!({"url": "ftp://x"}), json!(null), json!("x")] {
            assert_eq!(class(json!({"data": [{"b64_json": "AAAA"}, broken]})), ErrorClass::Malformed);
        }
    }

    #[test]
    fn the_tokens_of_a_picture_are_counted_once() {
        let usage = drawn_usage(&json!({"usage": {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40, "cached_tokens": 8}}}));
        assert_eq!((usage.input, usage.output), (Some(Tokens(50)), Some(Tokens(4160))));
        assert_eq!(usage.input_cached, Some(Tokens(8)));
        assert_eq!(drawn_usage(&json!({"usage": {"input_tokens": -1}})), TokenUsage::default());
        assert_eq!(drawn_usage(&json!([])), TokenUsage::default());
    }

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts() {
        let body = json!({"data": [{"index": 1, "embedding": [0.5, -1]}, {"index": 0, "embedding": [1e-3, 2]}]});
        assert_eq!(vectors_in(&body, &embed(2, None)).unwrap(), [vec![0.001, 2.0], vec![0.5, -1.0]]);
        assert!(vectors_in(&body, &embed(2, Some(2))).is_ok());
    }

    #[test]
    fn a_missing_double_ragged_or_impossible_vector_is_malformed() {
        let one = |index: Value, vector: Value| json!({"index": index, "embedding": vector});
        let good = one(json!(0), json!([1.0, 2.0]));
        let cases = [
            json!({"data": [good]}),
            json!({"data": [good, good]}),
            json!({"data": [good, one(json!(2), json!([1.0, 2.0]))]}),
            json!({"data": [good, one(json!(1), json!([1.0]))]}),
            json!({"data": [good, one(json!(1), json!([]))]}),
            json!({"data": [good, one(json!(1), json!([1.0, null]))]}),
            json!({"data": [good, one(json!(1), json!([1.0, "NaN"]))]}),
            json!({"data": [good, one(json!(1), json!([1.0, 1e300]))]}),
            json!({"data": [good, one(json!(1), json!("AAAAgD8="))]}),
            json!({"data": [good, one(json!(-1), json!([1.0, 2.0]))]}),
            json!({"data": [good, {"embedding": [1.0, 2.0]}]}),
            json!({"data": [good, good, one(json!(1), json!([1.0, 2.0]))]}),
            json!({"data": {}}),
            json!(null),
        ];
        for body in cases {
            assert_eq!(vectors_in(&body, &embed(2, None)).unwrap_err().class, ErrorClass::Malformed, "{body}");
        }
        let short = json!({"data": [one(json!(0), json!([1.0, 2.0]))]});
        assert_eq!(vectors_in(&short, &embed(1, Some(3))).unwrap_err().class, ErrorClass::Malformed);
    }

    #[test]
    fn an_embedding_has_no_output_tokens_and_its_cost_can_be_computed() {
        let usage = embedded_usage(&json!({"usage": {"prompt_tokens": 8, "total_tokens": 8}}));
        assert_eq!((usage.input, usage.output), (Some(Tokens(8)), Some(Tokens(0))));
        assert_eq!(embedded_usage(&json!({"usage": {"prompt_tokens": "8"}})), TokenUsage::default());
    }

    #[test]
    fn more_is_read_for_more_pictures_and_texts_but_never_without_end() {
        assert_eq!(drawn_bytes_max(0), ANSWER_BYTES_MAX);
        assert_eq!(drawn_bytes_max(u32::MAX), LARGE_ANSWER_BYTES_MAX);
        assert_eq!(embedded_bytes_max(1), ANSWER_BYTES_MAX);
        assert_eq!(embedded_bytes_max(usize::MAX), LARGE_ANSWER_BYTES_MAX);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zA-Z0-9+/=:,. ]{0,12}".prop_map(Value::from),
        ];
        let key = prop_oneof![
            Just("data".to_owned()),
            Just("index".to_owned()),
            Just("embedding".to_owned()),
            Just("b64_json".to_owned()),
            Just("url".to_owned()),
            Just("usage".to_owned()),
            Just("input_tokens".to_owned()),
            "[a-z]{1,4}",
        ];
        leaf.prop_recursive(4, 48, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((key.clone(), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(body in any_json(), texts in 0usize..4) {
            let wrapped = json!({"data": body});
            for body in [&body, &wrapped] {
                let _shown = (pictures_in(body), vectors_in(body, &embed(texts, None)));
                let _counted = (drawn_usage(body), embedded_usage(body));
            }
        }
    }
}
