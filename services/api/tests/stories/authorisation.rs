//! Who may do what: every operation of the document × every kind of caller. An operation without a row fails.

mod cast;
mod table;

use self::{
    cast::{Cast, Reference},
    table::{ROLES, TABLE},
};
use crate::{contract::operations, support::on_every_engine};

#[tokio::test]
async fn every_operation_answers_every_kind_of_caller_as_the_table_says() {
    on_every_engine(async |app| {
        let mut wrong = Vec::new();
        let cast = Cast::new(app).await;
        for (method, path, name) in operations(app) {
            let Some((_, expected)) = TABLE.iter().find(|(operation, _)| *operation == name) else {
                wrong.push(format!("{name} has no row"));
                continue;
            };
            for reference in [Reference::Id, Reference::Slug] {
                let scene = cast.scene(app, reference).await;
                for (role, expected) in ROLES.iter().zip(expected) {
                    let status = scene.ask(app, *role, &method, &path, &name).await;
                    if status != *expected {
                        wrong.push(format!("{name} by {role:?}, tenant by {reference:?}: {status}, not {expected}"));
                    }
                }
                scene.clear(app, &cast).await;
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn the_table_has_no_row_for_what_is_gone() {
    on_every_engine(async |app| {
        let names: Vec<_> = operations(app).into_iter().map(|(_, _, name)| name).collect();
        let gone: Vec<_> = TABLE.iter().filter(|(name, _)| !names.contains(&(*name).to_owned())).collect();
        assert!(gone.is_empty(), "{gone:?}");
    })
    .await;
}
