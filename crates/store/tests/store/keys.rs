//! Keys: made once, the same for everybody.

use chiliview_store::keys;

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_once_and_its_name_is_its_own() {
    on_every_engine(async |store| {
        let key = async |name: &str, fresh: &[u8]| {
            write(store.central(), async |tx| keys::find_or_insert(tx, name, fresh, at(0)).await).await
        };
        assert_eq!(read(store.central(), async |tx| keys::find(tx, "links").await).await, None);
        assert_eq!(key("links", &[1, 0, 255]).await, [1, 0, 255]);
        assert_eq!(key("links", &[2]).await, [1, 0, 255], "who comes later gets the first one");
        assert_eq!(key("certificates", &[3]).await, [3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_make_a_key_at_once_get_the_same() {
    on_every_engine(async |store| {
        let key = async |fresh: u8| {
            write(store.central(), async |tx| keys::find_or_insert(tx, "links", &[fresh], at(0)).await).await
        };
        let (one, two) = tokio::join!(key(1), key(2));
        assert_eq!(one, two);
    })
    .await;
}
