//! Which shelf lies at which address.

use chiliview_store::{Ids, ShelfId, shelves};

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

const HERE: &str = "file:///shelf";
const THERE: &str = "s3://bucket/shelf";

#[tokio::test(flavor = "multi_thread")]
async fn a_shelf_that_was_seen_stands_until_another_is_adopted() {
    on_every_engine(async |store| {
        let db = store.central();
        let [one, two, three]: [ShelfId; 3] = std::array::from_fn(|_| Ids.next());
        let propose = async |id, second| write(db, async |tx| shelves::propose(tx, HERE, id, at(second)).await).await;
        let seen = async |id, second| write(db, async |tx| shelves::seen(tx, HERE, id, at(second)).await).await;
        let find = async |address: &'static str| read(db, async |tx| shelves::find(tx, address).await).await;

        assert_eq!((propose(one, 1).await, propose(two, 2).await), (one, one), "the first proposal stands");
        assert_eq!(find(HERE).await.unwrap().marked_at, None);
        assert_eq!(seen(two, 3).await, two, "what lies there counts more than what was proposed");
        assert_eq!((seen(three, 4).await, propose(three, 5).await), (two, two));
        let shelf = find(HERE).await.unwrap();
        assert_eq!((shelf.id, shelf.marked_at, shelf.created_at), (two, Some(at(3)), at(1)));
        assert_eq!(find(THERE).await, None);

        write(db, async |tx| shelves::adopt(tx, HERE, three, at(6)).await).await;
        let shelf = find(HERE).await.unwrap();
        assert_eq!((shelf.id, shelf.marked_at), (three, Some(at(6))));
        let forget = async |address| write(db, async |tx| shelves::forget(tx, address).await).await;
        assert_eq!((forget(HERE).await, forget(HERE).await, forget(THERE).await), (true, false, false));
        assert_eq!(find(HERE).await, None);
    })
    .await;
}
