//! Bytes to a validated value, or to everything that is wrong with them.
//!
//! serde stops at the first fault. So a small body that does not fit is read again, with a stand-in where the fault
//! was, until no new one is found. What a client sent is never echoed: it may be a password.

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category, json};
use serde_path_to_error::{Segment, Track};

use super::rules;
use crate::problem::{FieldError, Problem};

/// Bodies above this many bytes report their first fault only.
const MEND_BYTES: usize = 16 << 10;
/// No more faults than this are reported.
const MAX_FAULTS: usize = 20;

type Fault = serde_path_to_error::Error<serde_json::Error>;

/// Reads `bytes` as a `T` and holds it against its rules. Nesting is bounded by `serde_json` (128), size by the edge.
///
/// # Errors
/// A 400 problem for what is not JSON, a 422 problem with a pointer for each field otherwise.
pub(super) fn parse<T>(bytes: &[u8]) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let fault = match read::<T>(bytes) {
        Ok(value) => {
            let broken = rules::broken(&value);
            return if broken.is_empty() { Ok(value) } else { Err(Problem::validation(broken)) };
        }
        Err(fault) => fault,
    };
    match fault.inner().classify() {
        Category::Data => Err(Problem::validation(all_faults::<T>(bytes, &fault))),
        _ => Err(Problem::bad_request(format!("the body is not JSON: {}", fault.inner())).with_code("malformed_json")),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer)?;
    let at_end = |error| Fault::new(Track::new().path(), error);
    deserializer.end().map_err(at_end)?;
    Ok(value)
}

fn all_faults<T>(bytes: &[u8], first: &Fault) -> Vec<FieldError>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let mut found = Vec::new();
    if bytes.len() <= MEND_BYTES
        && let Ok(mut body) = serde_json::from_slice(bytes)
    {
        search::<T>(&mut body, &mut found);
    }
    // A field given twice, say, is lost once the body is a `Value`.
    let first = explain(first);
    if found.iter().all(|fault| fault.pointer != first.pointer) {
        found.insert(0, first);
    }
    found
}

fn search<T>(body: &mut Value, found: &mut Vec<FieldError>)
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    while found.len() < MAX_FAULTS {
        let fault = match fit::<T>(body) {
            Ok(value) => {
                let hidden = |e: &FieldError| found.iter().any(|f| covers(&f.pointer, &e.pointer));
                let broken: Vec<_> = rules::broken(&value).into_iter().filter(|e| !hidden(e)).collect();
                found.extend(broken);
                return;
            }
            Err(fault) => fault,
        };
        let mended = mend::<T>(body, &fault);
        found.push(fault);
        if !mended {
            return;
        }
    }
}

fn fit<T: DeserializeOwned>(body: &Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(body).map_err(|fault| explain(&fault))
}

/// Whether `pointer` is `outer` or lies below it.
fn covers(outer: &str, pointer: &str) -> bool {
    let below = pointer.strip_prefix(outer);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes the fault out of `body`: drops a field that is not known, puts something harmless for one that does not fit.
fn mend<T: DeserializeOwned>(body: &mut Value, fault: &FieldError) -> bool {
    let Some((parent, key)) = fault.pointer.rsplit_once('/') else {
        return false;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    if fault.code == "unknown_field" {
        let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
        return parent.is_some_and(|fields| fields.remove(&key).is_some());
    }
    stand_ins(&fault.detail).any(|stand_in| {
        match body.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.insert(key.clone(), stand_in)),
            Some(Value::Array(items)) => match key.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
                Some(item) => *item = stand_in,
                None => return false,
            },
            _ => return false,
        }
        fit::<T>(body).err().is_none_or(|next| !covers(&fault.pointer, &next.pointer))
    })
}

/// Values that some type takes; the names an enum expects stand in backticks in serde's words.
fn stand_ins(detail: &str) -> impl Iterator<Item = Value> {
    let named = detail.split('`').skip(1).step_by(2).take(1).map(|name| json!(name));
    let common = [
        json!(null),
        json!(""),
        json!(0),
        json!(false),
        json!([]),
        json!({}),
        json!("a"),
        json!("aa"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("1970-01-01T00:00:00Z"),
    ];
    named.collect::<Vec<_>>().into_iter().chain(common)
}

/// serde's words as a field error.
fn explain(fault: &Fault) -> FieldError {
    let message = fault.inner().to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let mut steps: Vec<String> = fault.path().iter().filter_map(step).collect();
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let expected = message.rsplit_once("expected ").map(|(_, what)| format!("expected {what}"));
    let (code, detail) = if message.starts_with("missing field") {
        steps.push(quoted.to_owned());
        ("required", "must be given".to_owned())
    } else if message.starts_with("unknown field") {
        if steps.last().is_none_or(|last| last != quoted) {
            steps.push(quoted.to_owned());
        }
        ("unknown_field", "is not a field of this request".to_owned())
    } else if message.starts_with("duplicate field") {
        steps.push(quoted.to_owned());
        ("duplicate_field", "is given twice".to_owned())
    } else if message.starts_with("invalid type") {
        ("invalid_type", expected.unwrap_or_default())
    } else if message.starts_with("unknown variant") {
        ("unknown_variant", expected.unwrap_or_default())
    } else {
        ("invalid_value", expected.unwrap_or_else(|| message.to_owned()))
    };
    FieldError::new(pointer(steps.iter().map(String::as_str)), code, detail)
}

fn step(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// A JSON Pointer (RFC 6901, 3).
pub(super) fn pointer<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    steps.map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}
