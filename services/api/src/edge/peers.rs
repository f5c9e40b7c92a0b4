//! What all peers share: none takes more of it than its part. A proxy stands for many, and may take all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use chiliview_store::throttle::Network;
use ipnet::IpNet;

/// Something that is shared.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// A peer's part.
    most: usize,
    proxies: Vec<IpNet>,
    taken: Mutex<HashMap<Network, usize>>,
}

/// What one peer has of it, until this is dropped.
#[derive(Debug)]
pub(super) struct Part {
    of: Arc<Inner>,
    peer: IpAddr,
    size: usize,
}

impl Shared {
    pub(super) fn new(most: usize, proxies: &[IpNet]) -> Self {
        Self(Arc::new(Inner { most, proxies: proxies.to_owned(), taken: Mutex::default() }))
    }

    /// Nothing yet.
    pub(super) fn part_of(&self, peer: IpAddr) -> Part {
        Part { of: Arc::clone(&self.0), peer: peer.to_canonical(), size: 0 }
    }
}

impl Part {
    /// Takes so much more; false when the peer has its part already.
    pub(super) fn grow(&mut self, more: usize) -> bool {
        if self.of.proxies.iter().any(|net| net.contains(&self.peer)) {
            return true;
        }
        let mut all = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Network::of(Some(self.peer));
        let taken = all.get(&network).copied().unwrap_or_default();
        let fits = taken.saturating_add(more) <= self.of.most;
        if fits {
            all.insert(network, taken + more);
            self.size += more;
        }
        fits
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut all = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Network::of(Some(self.peer));
        let left = all.get(&network).map_or(0, |taken| taken - self.size);
        if left == 0 {
            all.remove(&network)
        } else {
            all.insert(network, left)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(shared: &Shared, peer: &str, size: usize) -> Option<Part> {
        let mut part = shared.part_of(peer.parse().unwrap());
        part.grow(size).then_some(part)
    }

    #[test]
    fn a_peer_takes_its_part_and_no_more_until_some_of_it_is_back() {
        let shared = Shared::new(2, &["10.0.0.0/8".parse().unwrap()]);
        let first = take(&shared, "192.0.2.1", 1).unwrap();
        let _second = take(&shared, "::ffff:192.0.2.1", 1).unwrap();
        assert!(take(&shared, "192.0.2.1", 1).is_none());
        let _others = [take(&shared, "192.0.2.2", 2).unwrap(), take(&shared, "2001:db8::2:1", 2).unwrap()];
        assert!(take(&shared, "2001:db8::3", 1).is_none() && take(&shared, "2001:db8:0:1::3", 1).is_some());
        let _proxied = ["10.1.1.1"; 9].map(|proxy| take(&shared, proxy, 1).unwrap());
        drop(first);
        assert!(take(&shared, "192.0.2.1", 1).is_some());
    }

    #[test]
    fn who_has_nothing_any_more_is_forgotten() {
        let shared = Shared::new(2, &[]);
        let mut part = take(&shared, "192.0.2.1", 1).unwrap();
        assert!(part.grow(1) && !part.grow(1));
        drop(part);
        assert!(shared.0.taken.lock().unwrap().is_empty());
    }
}
