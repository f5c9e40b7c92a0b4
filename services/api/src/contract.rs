//! The OpenAPI document as it is published: what poem-openapi emits, made palatable to client generators.
//!
//! OpenAPI 3.0, keys sorted, so that the checked-in file changes only when the API does.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Rewrites an emitted document for openapi-typescript, openapi-python-client, progenitor and schemathesis.
pub fn normalise(spec: Value) -> Value {
    let mut spec = tidy(spec);
    close_inputs(&mut spec);
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("openapi".to_owned(), json!("3.0.3"));
        fields.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    }
    spec
}

fn tidy(value: Value) -> Value {
    match value {
        Value::Number(number) => whole(&number).map_or(Value::Number(number), |whole| json!(whole)),
        Value::Array(items) => items.into_iter().map(tidy).collect(),
        Value::Object(fields) => unwrap_reference(sorted(fields)),
        other => other,
    }
}

/// `100.0` is not an integer to everybody.
fn whole(number: &serde_json::Number) -> Option<i64> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    #[expect(clippy::cast_possible_truncation, reason = "checked by the comparison")]
    let whole = float as i64;
    #[expect(clippy::cast_precision_loss, reason = "a lost digit makes the comparison fail")]
    let is_same = whole as f64 == float;
    is_same.then_some(whole)
}

/// Sorts by key whatever map `serde_json` was built with, and names media types without parameters.
fn sorted(fields: Map<String, Value>) -> Map<String, Value> {
    let mut pairs: Vec<_> = fields.into_iter().collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let tidied = pairs.into_iter().map(|(key, value)| match (key.as_str(), value) {
        ("content", Value::Object(media)) => (key, Value::Object(sorted(media_types(media)))),
        (_, value) => (key, tidy(value)),
    });
    tidied.collect()
}

/// `application/json; charset=utf-8` is another type to a generator; a stream of events is text to all of them.
fn media_types(media: Map<String, Value>) -> Map<String, Value> {
    let named = media.into_iter().map(|(name, value)| {
        let essence = name.split(';').next().unwrap_or_default().trim().to_owned();
        match essence.as_str() {
            "text/event-stream" => (essence, json!({"schema": {"type": "string"}})),
            _ => (essence, value),
        }
    });
    named.collect()
}

/// A reference with notes comes as `allOf: [reference, notes]` and the notes once more beside it. Words alone are
/// dropped; with a meaning (`nullable`, `default`) they stay beside an `allOf` of the reference.
fn unwrap_reference(mut fields: Map<String, Value>) -> Value {
    let Some([reference, notes]) = fields.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else {
        return Value::Object(fields);
    };
    if reference.get("$ref").is_none() || notes.get("$ref").is_some() || notes.get("properties").is_some() {
        return Value::Object(fields);
    }
    let reference = reference.clone();
    fields.remove("allOf");
    if fields.keys().all(|key| key == "description") {
        return reference;
    }
    fields.insert("allOf".to_owned(), json!([reference]));
    Value::Object(fields)
}

/// Request bodies refuse unknown fields (`deny_unknown_fields`), so their schemas say so.
fn close_inputs(spec: &mut Value) {
    let mut inputs = BTreeSet::new();
    for operation in spec["paths"].as_object().into_iter().flatten().flat_map(|(_, path)| path.as_object()).flatten() {
        references(spec, &operation.1["requestBody"], &mut inputs);
    }
    for name in inputs {
        let schema = &mut spec["components"]["schemas"][name];
        if let Some(schema) = schema.as_object_mut().filter(|schema| schema.contains_key("properties")) {
            schema.entry("additionalProperties").or_insert(json!(false));
        }
    }
}

/// The names of all schemas that `value` leads to.
fn references(spec: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(spec, item, found)),
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|path| path.strip_prefix("#/components/schemas/"))
                && found.insert(name.to_owned())
            {
                references(spec, &spec["components"]["schemas"][name], found);
            }
            fields.values().for_each(|value| references(spec, value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_become_integers_and_others_stay() {
        let tidied = tidy(json!({"maximum": 100.0, "multipleOf": 0.5, "minimum": -1, "big": 1e300}));
        assert_eq!(tidied.to_string(), r#"{"big":1e+300,"maximum":100,"minimum":-1,"multipleOf":0.5}"#);
    }

    #[test]
    fn media_types_lose_their_parameters_and_streams_their_items() {
        let tidied = tidy(json!({"content": {
            "application/json; charset=utf-8": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": {"type": "array", "format": "event-stream", "items": {}}},
        }}));
        let expected = json!({"content": {
            "application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}},
        }});
        assert_eq!(tidied, expected);
    }

    #[test]
    fn a_described_reference_is_a_reference_and_a_nullable_one_keeps_that() {
        let reference = json!({"$ref": "#/components/schemas/Role"});
        let emitted = |notes: Value| {
            let mut whole = notes.clone();
            whole["allOf"] = json!([reference, notes]);
            tidy(whole)
        };
        assert_eq!(emitted(json!({"description": "Who"})), reference);
        let nullable = json!({"description": "Who", "nullable": true, "allOf": [reference]});
        assert_eq!(emitted(json!({"description": "Who", "nullable": true})), nullable);
    }

    #[test]
    fn inputs_are_closed_and_outputs_stay_open() {
        let object = |extra: Value| json!({"type": "object", "properties": {"x": extra}});
        let schema = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let body = |name: &str| json!({"content": {"application/json": {"schema": schema(name)}}});
        let spec = normalise(json!({
            "openapi": "3.0.0", "servers": [],
            "paths": {"/a": {"post": {"requestBody": body("In"), "responses": {"200": body("Out")}}}},
            "components": {"schemas": {"In": object(schema("Deep")), "Deep": object(json!({})), "Out": object(json!({}))}},
        }));
        let schemas = &spec["components"]["schemas"];
        assert_eq!(schemas["In"]["additionalProperties"], json!(false));
        assert_eq!(schemas["Deep"]["additionalProperties"], json!(false));
        assert_eq!(schemas["Out"].get("additionalProperties"), None);
        assert_eq!((spec["openapi"].as_str(), spec.get("servers")), (Some("3.0.3"), None));
    }
}
