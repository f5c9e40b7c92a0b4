//! Encrypted backups: for the platform's recipients and the tenant's own, proven without their keys, opened with one of them.

use std::fs;

use age::secrecy::ExposeSecret as _;
use chiliview_snapshot::{Entry, Error as SnapshotError, Identities, Recipients};
use chiliview_store::{
    Clock, TenantId,
    backups::{BackupStatus, ProofDepth},
    schedules::{Schedule, ScheduleScope},
    tenant_recipients, users,
};

use crate::{
    schedules::{add, all_backups, hourly, known, nth_ended},
    shop::{self, Shop, user},
    workshop::calm,
};

/// A secret key, and its public one.
pub(crate) fn pair() -> (Identities, Recipients) {
    let identity = age::x25519::Identity::generate();
    let secret = Identities::parse(identity.to_string().expose_secret()).unwrap();
    (secret, Recipients::of([identity.to_public().to_string()]).unwrap())
}

async fn on_every_engine(story: impl AsyncFn(Shop, TenantId)) {
    shop::on_every_engine(async |shop| {
        let (id, database) = shop.tenant().await;
        database.write(async |tx| users::insert(tx, &user("ada")).await).await.unwrap();
        drop(database);
        story(shop, id).await;
    })
    .await;
}

async fn set_own(shop: &Shop, tenant: TenantId, recipients: Vec<String>) {
    let at = shop.context.store.clock().now();
    assert!(shop.write(async |tx| tenant_recipients::set(tx, tenant, recipients.clone(), at).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_is_verified_and_opened_by_the_platforms_key_or_the_tenants() {
    on_every_engine(async |mut shop: Shop, id: TenantId| {
        let ((platform_key, platform), (own_key, own), (stranger, _)) = (pair(), pair(), pair());
        shop.context.config.recipients = platform.clone();
        set_own(&shop, id, own.iter().collect()).await;
        let backup = shop.backed_up(Some(id)).await;
        assert_eq!((backup.encrypted, backup.proof), (1, Some(ProofDepth::Quick)));
        let (artefact, _) = shop.files(&backup);
        assert!(artefact.to_string_lossy().ends_with(".db.zst.age"));
        let bytes = fs::read(artefact).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
        for readable in [&b"SQLite format 3"[..], b"ada@example.com", &[0x28, 0xB5, 0x2F, 0xFD, 0x64]] {
            assert!(!bytes.windows(readable.len()).any(|window| window == readable), "{readable:?}");
        }
        let manifest = shop.manifest(&backup).await;
        assert_eq!(manifest.encryption.map(|encryption| encryption.recipients), Some(platform.and(&own).unwrap()));
        for key in [&platform_key, &own_key] {
            assert_eq!(shop.opened(&backup, key).await.unwrap(), ["ada"]);
        }
        let closed = shop.opened(&backup, &stranger).await.unwrap_err();
        assert!(matches!(closed, SnapshotError::NoIdentity { .. }), "{closed}");
        let central = shop.backed_up(None).await;
        let manifest = shop.manifest(&central).await;
        assert_eq!(manifest.encryption.map(|encryption| encryption.recipients), Some(platform));
        assert_eq!(shop.on_shelf().await.len(), 4, "two artefacts, two manifests");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_proven_again_as_stored_without_its_key_and_in_full_with_it() {
    on_every_engine(async |mut shop: Shop, id: TenantId| {
        let ((key, recipients), (wrong, _)) = (pair(), pair());
        set_own(&shop, id, recipients.iter().collect()).await;
        let backup = shop.backed_up(Some(id)).await;
        for (keys, depth) in
            [(Identities::none(), ProofDepth::Stored), (key.clone(), ProofDepth::Full), (wrong, ProofDepth::Stored)]
        {
            shop.context.config.identities = keys;
            let again = shop.proven_again(backup.id).await;
            assert_eq!((again.status, again.proof), (BackupStatus::Verified, Some(depth)));
        }
        let (artefact, _) = shop.files(&backup);
        let mut bytes = fs::read(&artefact).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&artefact, bytes).unwrap();
        for keys in [Identities::none(), key] {
            shop.context.config.identities = keys;
            assert_eq!(shop.proven_again(backup.id).await.status, BackupStatus::Damaged);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_recipients_make_another_backup_of_a_database_that_did_not_change() {
    crate::schedules::on_every_engine(async |shop: Shop, clock: Clock| {
        let (id, _) = shop.tenant().await;
        let own = Schedule { scope: ScheduleScope::Tenant, tenant_id: Some(id), ..hourly() };
        let schedule = add(&shop, own).await;
        let worker = shop.start(calm());
        known(&shop, schedule).await;
        let (one, two) = (pair().1, pair().1);
        let both: Vec<String> = one.and(&two).unwrap().iter().collect();
        let turned = both.iter().rev().cloned().collect();
        for (number, keys) in [Vec::new(), both, turned, one.iter().collect(), Vec::new()].into_iter().enumerate() {
            set_own(&shop, id, keys).await;
            clock.advance(std::time::Duration::from_hours(1));
            nth_ended(&shop, schedule, number + 1).await;
        }
        worker.stop().await;
        let backups = all_backups(&shop).await;
        use BackupStatus::{Unchanged, Verified};
        let ended: Vec<_> = backups.iter().map(|backup| (backup.status, backup.encrypted)).collect();
        assert_eq!(ended, [(Verified, 0), (Verified, 1), (Unchanged, 0), (Verified, 1), (Verified, 0)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crashed_attempt_left_unencrypted_does_not_stay_beside_the_encrypted_one() {
    on_every_engine(async |shop: Shop, id: TenantId| {
        let backup = shop.ask(Some(id)).await;
        shop.crash_with_a_snapshot(id, backup).await;
        set_own(&shop, id, pair().1.iter().collect()).await;
        let worker = shop.start(calm());
        let ended = shop.ended(backup).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((ended.status, ended.encrypted), (BackupStatus::Verified, 1));
        let lying = shop.on_shelf().await;
        let sealed =
            lying.iter().filter(|entry| matches!(entry, Entry::Artefact { key, .. } if key.is_sealed())).count();
        assert_eq!((sealed, lying.len()), (1, 2), "{lying:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_that_cannot_be_read_never_mean_an_open_backup() {
    on_every_engine(async |shop: Shop, id: TenantId| {
        set_own(&shop, id, vec!["age1nobody".into()]).await;
        let asked = shop.ask(Some(id)).await;
        let worker = shop.start(calm());
        let failed = shop.ended(asked).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((failed.status, failed.attempt), (BackupStatus::Failed, 1));
        assert_eq!(failed.cause.as_deref(), Some("recipients"));
        assert!(failed.error.is_some_and(|error| error.contains("\"age1nobody\"")));
        assert!(shop.on_shelf().await.is_empty());
    })
    .await;
}
