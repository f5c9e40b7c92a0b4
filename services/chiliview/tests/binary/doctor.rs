//! The doctor's exit codes.

use std::fs;

use crate::process::Place;

#[test]
fn well_found_repaired_and_well_again() {
    let place = Place::new();
    place.serve().stop();
    assert_eq!(place.run(&["doctor"]).code(), Some(0));
    fs::remove_dir(place.data().join("temp")).unwrap();
    let found = place.run(&["doctor", "--json"]);
    assert_eq!(found.code(), Some(13));
    assert_eq!(found.json()["summary"]["problems"], 1);
    let repaired = place.run(&["doctor", "--repair"]);
    assert_eq!(repaired.code(), Some(14), "{}", repaired.out());
    assert!(repaired.out().contains("1 repaired"));
    assert_eq!(place.run(&["doctor", "--repair"]).code(), Some(0));
}

#[test]
fn what_cannot_be_mended_stays_found() {
    let place = Place::new();
    place.serve().stop();
    fs::write(place.data().join("chiliview.db"), "no database").unwrap();
    assert_eq!(place.run(&["doctor"]).code(), Some(13));
    assert_eq!(place.run(&["doctor", "--repair"]).code(), Some(13));
}

#[test]
fn it_looks_while_the_service_runs_and_refuses_what_would_disturb_it() {
    let place = Place::new();
    let service = place.serve();
    assert_eq!(place.run(&["doctor"]).code(), Some(0));
    fs::create_dir(place.data().join("resellers/.new-01890000-0000-7000-8000-000000000001")).unwrap();
    assert_eq!(place.run(&["doctor", "--repair"]).code(), Some(11));
    assert_eq!(service.stop(), Some(0));
    assert_eq!(place.run(&["doctor", "--repair"]).code(), Some(14));
}

#[test]
fn a_lost_admin_is_made_anew_with_a_password_that_works() {
    let place = Place::new();
    place.serve().stop();
    let disable = async {
        use sqlx::{Connection as _, Executor as _};
        let url = format!("sqlite://{}", place.data().join("chiliview.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        connection.execute("DELETE FROM admins").await.unwrap();
        connection.close().await.unwrap();
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(disable);
    let repaired = place.run(&["doctor", "--repair", "--json"]);
    assert_eq!(repaired.code(), Some(14));
    let password = repaired.json()["new_admin"]["password"].as_str().unwrap().to_owned();
    assert_eq!(place.serve().log_in(&password).0, 200);
}
