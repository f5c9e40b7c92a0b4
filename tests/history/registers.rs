//! Rows that several clients compare and set: a tenant in the central database, and users in the tenant's own.

use std::{sync::atomic::Ordering, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Scene, TENANT,
    linear::{Action, Operation, Outcome, Row, linearizable},
};
use crate::support::Answer;

const CLIENTS: u64 = 4;

/// One row, by its address and the field that is changed.
#[derive(Clone, Debug)]
pub(super) struct Register {
    path: String,
    field: &'static str,
    begin: Row,
}

impl Register {
    fn row(&self, body: &Value) -> Row {
        Row { version: body["version"].as_i64().unwrap(), value: body[self.field].as_str().unwrap_or("").to_owned() }
    }
}

/// An operation, and on which register.
type Seen = (usize, Operation);

pub(super) async fn make(scene: &Scene) -> Vec<Register> {
    let mut places = vec![(format!("/api/tenants/{TENANT}"), "name")];
    for number in 0..3 {
        let user = json!({"username": format!("r{number}"), "email": format!("r{number}@example.com")});
        let user = scene.admin.post(&format!("/api/tenants/{TENANT}/users"), user).await.expect(201);
        places.push((format!("/api/tenants/{TENANT}/users/{}", user["id"].as_str().unwrap()), "family_name"));
    }
    let mut registers = Vec::new();
    for (path, field) in places {
        let mut register = Register { path, field, begin: Row { version: 0, value: String::new() } };
        register.begin = register.row(&scene.admin.get(&register.path).await.expect(200));
        registers.push(register);
    }
    registers
}

/// Every client reads and changes one row after the other, until it is over.
pub(super) async fn change(scene: Scene, registers: Vec<Register>, seed: u64) -> Vec<Seen> {
    let clients = (0..CLIENTS).map(|client| {
        let (scene, registers) = (scene.clone(), registers.clone());
        tokio::spawn(async move {
            let mut chance = StdRng::seed_from_u64(seed ^ (client + 1));
            let mut seen = Vec::new();
            let mut known: Vec<i64> = registers.iter().map(|register| register.begin.version).collect();
            while !scene.over.is_cancelled() {
                let at = chance.random_range(0..registers.len());
                let value = format!("client {client}, {}", seen.len());
                let wish = chance.random_bool(0.6).then_some((known[at], value));
                let Some(operation) = once(&scene, &registers[at], wish, &mut chance).await else {
                    // It is being started again: who asks on and on takes its time from it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                match &operation.action {
                    Action::Read(row) => known[at] = row.version,
                    Action::Swap { outcome: Outcome::Done(version), .. } => known[at] = *version,
                    // Whoever was refused looks first.
                    Action::Swap { .. } => {
                        let read = once(&scene, &registers[at], None, &mut chance).await;
                        if let Some(Operation { action: Action::Read(row), .. }) = &read {
                            known[at] = row.version;
                        }
                        seen.extend(read.map(|read| (at, read)));
                    }
                }
                seen.push((at, operation));
            }
            seen
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.unwrap());
    }
    all
}

/// Reads, or changes what has a version. None when nothing can have happened, or nothing was seen.
async fn once(
    scene: &Scene,
    register: &Register,
    wish: Option<(i64, String)>,
    chance: &mut StdRng,
) -> Option<Operation> {
    let client = scene.anywhere(chance);
    let request = match &wish {
        None => client.request(Method::GET, &register.path),
        Some((expected, value)) => client
            .request(Method::PATCH, &register.path)
            .header("If-Match", format!("\"{expected}\""))
            .json(&json!({register.field: value})),
    };
    let called = scene.now();
    let answer = Answer::to_maybe(request).await;
    let returned = scene.now();
    // Busy: nothing was done, and it says so.
    if answer.as_ref().is_ok_and(|answer| answer.status == 503) {
        return None;
    }
    let Some((expected, value)) = wish else {
        let row = register.row(&answer.ok()?.expect(200));
        return Some(Operation { called, returned: Some(returned), action: Action::Read(row) });
    };
    let outcome = match answer {
        Err(error) if error.is_connect() => return None,
        Err(_) => Outcome::Unknown,
        Ok(answer) if answer.status == 412 => Outcome::Refused,
        Ok(answer) => Outcome::Done(register.row(&answer.expect(200)).version),
    };
    if matches!(outcome, Outcome::Done(_)) {
        scene.changed.fetch_add(1, Ordering::SeqCst);
    }
    let returned = (outcome != Outcome::Unknown).then_some(returned);
    Some(Operation { called, returned, action: Action::Swap { expected, value, outcome } })
}

pub(super) fn check(registers: &[Register], seen: &[Seen]) {
    for (at, register) in registers.iter().enumerate() {
        let mut history: Vec<_> = seen.iter().filter(|(on, _)| *on == at).map(|(_, seen)| seen.clone()).collect();
        history.sort_by_key(|operation| operation.called);
        let count = |outcome: fn(&Outcome) -> bool| {
            let swaps = history.iter().filter(|operation| match &operation.action {
                Action::Swap { outcome: found, .. } => outcome(found),
                Action::Read(_) => false,
            });
            swaps.count()
        };
        let done = count(|outcome| matches!(outcome, Outcome::Done(_)));
        let (refused, unknown) = (count(|o| *o == Outcome::Refused), count(|o| *o == Outcome::Unknown));
        println!("{}: {} operations, {done} done, {refused} refused, {unknown} unknown", register.path, history.len());
        assert!(linearizable(&register.begin, &history), "no order explains {}: {history:#?}", register.path);
    }
}
