//! `CHILIVIEW_*` as a layer of settings.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::{BOOLEANS, NUMBERS, SECRETS, TEXTS};
use crate::exit::Failure;

const PREFIX: &str = "CHILIVIEW_";
/// For tests of ours and of others; never a setting.
const TEST_PREFIX: &str = "CHILIVIEW_TEST_";
const OTLP: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What the environment says.
pub(super) struct Environment {
    /// `CHILIVIEW_CONFIG`.
    pub(super) config: Option<PathBuf>,
    /// What the file may override: the standard name of the collector.
    pub(super) fallback: Variables,
    /// What overrides the file.
    pub(super) layer: Variables,
}

/// Some variables as settings.
#[derive(Default)]
pub(super) struct Variables(Dict);

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment").interpolater(|_, keys| {
            let name = keys.last().copied().unwrap_or_default();
            format!("{PREFIX}{}", name.to_uppercase())
        })
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

pub(super) fn read(variables: Vec<(OsString, OsString)>) -> Result<Environment, Failure> {
    let mut found = Environment { config: None, fallback: Variables::default(), layer: Variables::default() };
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX) || *name == OTLP) else { continue };
        if name.starts_with(TEST_PREFIX) {
            continue;
        }
        if name == "CHILIVIEW_CONFIG" {
            found.config = Some(value.into());
            continue;
        }
        let value = value.to_str().ok_or_else(|| Failure::usage(format!("read {name}: it is no UTF-8 text")))?;
        // By its standard, empty means not set.
        if name == OTLP && value.is_empty() {
            continue;
        }
        if name == OTLP {
            found.fallback.0.insert("otlp_endpoint".to_owned(), Value::from(value));
        } else {
            found.layer.take(name, value)?;
        }
    }
    Ok(found)
}

impl Variables {
    fn take(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let key = name.trim_start_matches(PREFIX).to_lowercase();
        let (key, value) = match key.strip_suffix("_file").filter(|key| SECRETS.contains(key)) {
            Some(secret) => (secret.to_owned(), Value::from(secret_in(name, OsStr::new(text))?)),
            None => {
                let value = value_of(&key, name, text)?;
                (key, value)
            }
        };
        match self.0.insert(key, value) {
            None => Ok(()),
            Some(_) => {
                let plain = name.trim_end_matches("_FILE");
                Err(Failure::usage(format!("read the settings: {plain} and {plain}_FILE are both set")))
            }
        }
    }
}

fn value_of(key: &str, name: &str, text: &str) -> Result<Value, Failure> {
    let refuse = |kind: &str| Failure::usage(format!("read {name}: {text:?} is no {kind}"));
    if BOOLEANS.contains(&key) {
        let truth = match text {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(refuse("boolean (true or false)")),
        };
        return Ok(Value::from(truth));
    }
    if NUMBERS.contains(&key) {
        return text.parse::<u64>().map(Value::from).map_err(|_| refuse("number"));
    }
    if SECRETS.contains(&key) || TEXTS.contains(&key) {
        return Ok(Value::from(text));
    }
    Err(Failure::usage(format!("read the settings: there is no setting {name}{}", super::values::suggestion(key))))
}

/// The text of a secret's file, without the line's end that editors put behind it.
fn secret_in(name: &str, path: &OsStr) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("read the file {} that {name} names: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
