//! What is written down: who did what, how it ended, and what became different.

use serde::Serialize;
use serde_json::Value;

use crate::ids::words;

words! {
    /// What kind of caller did it.
    ActorKind {
        /// An admin of the platform.
        Admin = "admin",
        /// A user of a tenant.
        User = "user",
        /// The platform itself: the worker, the command line.
        System = "system",
        /// Somebody who is not logged in.
        Anonymous = "anonymous",
    }
}

words! {
    /// How it ended.
    Outcome {
        /// It was done.
        Success = "success",
        /// It was refused.
        Denied = "denied",
        /// It was tried and failed.
        Failed = "failed",
    }
}

/// Who did something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of caller.
    pub kind: ActorKind,
    /// His id, when he has one.
    pub id: Option<String>,
    /// What people call him.
    pub name: String,
    /// The client's address.
    pub address: Option<String>,
    /// The trace of the request.
    pub trace_id: Option<String>,
}

impl Actor {
    /// The platform itself.
    #[must_use]
    pub fn system(name: &str, trace_id: Option<String>) -> Self {
        Self { kind: ActorKind::System, id: None, name: name.to_owned(), address: None, trace_id }
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Event {
    /// `noun.verb`: `tenant.create`.
    pub action: &'static str,
    /// What kind of object.
    pub object_kind: &'static str,
    /// Which one.
    pub object_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: Option<String>,
    /// What became different: `{"field": [before, after]}`. Never a secret.
    pub changes: Value,
}

impl Event {
    /// A success without details.
    #[must_use]
    pub fn done(action: &'static str, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self {
            action,
            object_kind,
            object_id: Some(object_id.to_string()),
            outcome: Outcome::Success,
            reason: None,
            changes: Value::Object(serde_json::Map::new()),
        }
    }

    /// With what became different.
    #[must_use]
    pub fn changing(self, changes: Value) -> Self {
        Self { changes, ..self }
    }

    /// With another outcome, and why.
    #[must_use]
    pub fn ending(self, outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: Some(reason.into()), ..self }
    }
}

/// What differs between two states of a row, field by field, as [`Event::changes`] wants it.
pub fn difference<T: Serialize>(before: &T, after: &T) -> Value {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return Value::Null;
    };
    let changed = after.into_iter().filter_map(|(field, now)| {
        let was = before.get(&field).cloned().unwrap_or(Value::Null);
        (was != now).then(|| (field, Value::Array(vec![was, now])))
    });
    Value::Object(changed.collect())
}

/// All that a new row holds, as [`Event::changes`] wants it.
pub fn creation<T: Serialize>(row: &T) -> Value {
    let Ok(Value::Object(fields)) = serde_json::to_value(row) else { return Value::Null };
    let given = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(given.map(|(field, value)| (field, Value::Array(vec![Value::Null, value]))).collect())
}
