//! An attempt at a backup that was frozen, and wakes when another has made the backup in its stead: whatever it still does, the
//! snapshot that was proven stays as it is, and nothing else stays beside it.
#![cfg(feature = "failpoints")]

use chiliview_snapshot::Entry;
use chiliview_store::backups::BackupStatus;

use crate::{
    restore_overtaken::{Gate, alone_with_room, silent},
    shop::{Shop, on_every_engine},
    workshop::options,
};

#[test]
fn one_who_wakes_anywhere_leaves_the_next_ones_snapshot_alone_and_takes_his_own_away() {
    let name = "backup_overtaken::one_who_wakes_anywhere_leaves_the_next_ones_snapshot_alone_and_takes_his_own_away";
    alone_with_room(name, async || {
        for (frozen_at, fails_before) in [
            ("worker.backup_begun", false),
            ("snapshot.before_publish", false),
            ("snapshot.after_publish", false),
            ("worker.backup_clears", true),
        ] {
            on_every_engine(async |shop: Shop| {
                let (tenant, _) = shop.tenant().await;
                shop.add_to(tenant, "anna").await.unwrap();
                let backup = shop.ask(Some(tenant)).await;
                if fails_before {
                    fail::cfg("worker.before_prove", "1*return").unwrap();
                }
                let gate = Gate::at(frozen_at);
                let overtaken = silent(&shop);
                gate.reached().await;
                let next = shop.start(options());
                let verified = shop.ended(backup).await;
                assert_eq!((verified.status, verified.attempt), (BackupStatus::Verified, 2), "{frozen_at}");
                gate.open();
                overtaken.stop().await;
                next.stop().await;
                assert_eq!(shop.restored(&verified).await, ["anna"], "{frozen_at}");
                assert_eq!(shop.proven_again(backup).await.status, BackupStatus::Verified, "{frozen_at}");
                let lying = shop.on_shelf().await;
                let others = lying.iter().filter(|entry| !matches!(entry, Entry::Artefact { key, .. } | Entry::Manifest { key, .. } if key.attempt() == 2));
                assert_eq!((lying.len(), others.count()), (2, 0), "{frozen_at}: {lying:?}");
            })
            .await;
        }
    });
}

/// The first crashed when it had published.
#[test]
fn one_who_wakes_before_he_tidies_up_after_another_removes_nothing_newer() {
    let name = "backup_overtaken::one_who_wakes_before_he_tidies_up_after_another_removes_nothing_newer";
    alone_with_room(name, async || {
        on_every_engine(async |shop: Shop| {
            let (tenant, _) = shop.tenant().await;
            let backup = shop.ask(Some(tenant)).await;
            shop.crash_with_a_snapshot(tenant, backup).await;
            let gate = Gate::at("worker.backup_begun");
            let second = silent(&shop);
            gate.reached().await;
            let third = shop.start(options());
            let verified = shop.ended(backup).await;
            assert_eq!((verified.status, verified.attempt), (BackupStatus::Verified, 3));
            gate.open();
            second.stop().await;
            third.stop().await;
            assert_eq!(shop.proven_again(backup).await.status, BackupStatus::Verified);
            assert_eq!(shop.on_shelf().await.len(), 2, "{:?}", shop.on_shelf().await);
        })
        .await;
    });
}
