//! What the kernel of Linux says of links, addresses and routes, and whether something came back with it. Pure.
//!
//! The kernel repeats itself: a router that renews an address, a radio that looks around. Only what was not there before
//! counts. Messages: linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h, linux/if_link.h.

use std::collections::HashSet;

const NLMSG_DONE: u16 = 3;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_MULTI: u16 = 2;
const NLM_F_DUMP: u16 = 0x300;
const HEADER_BYTES: usize = 16;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;

const IFF_RUNNING: u32 = 0x40;
const IFA_ADDRESS: u16 = 1;
const IFA_FLAGS: u16 = 8;
/// Nobody knows yet whether another has this address: nothing goes through it.
const IFA_F_TENTATIVE: u32 = 0x40;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
/// Bytes of `struct ifinfomsg`, `struct ifaddrmsg`, `struct rtmsg`.
const LINK_BYTES: usize = 16;
const ADDRESS_BYTES: usize = 8;
const ROUTE_BYTES: usize = 12;

/// What is listened to: links, addresses and routes of both families.
pub(super) const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
/// What is asked for at the beginning, one after the other.
pub(super) const QUESTIONS: [u16; 3] = [RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE];
/// More links, addresses or routes than this are not told apart.
const KNOWN_MOST: usize = 100_000;

/// The question for all there is of one kind.
pub(super) fn question(kind: u16) -> Vec<u8> {
    let size = u32::try_from(HEADER_BYTES + LINK_BYTES).unwrap_or_default();
    let mut question = size.to_ne_bytes().to_vec();
    question.extend(kind.to_ne_bytes());
    question.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    question.resize(HEADER_BYTES + LINK_BYTES, 0);
    question
}

/// What came of one reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Something is there that was not.
    pub(super) is_back: bool,
    /// A question is answered, or refused.
    pub(super) is_answered: bool,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Known {
    running: HashSet<u32>,
    addresses: HashSet<(u32, Vec<u8>)>,
    /// Default routes: family, link, gateway.
    routes: HashSet<(u8, u32, Vec<u8>)>,
}

impl Known {
    /// Takes in what was read, which may hold several messages.
    pub(super) fn hear(&mut self, mut bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        while let (Some(size), Some(kind), Some(flags)) =
            (u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6))
        {
            let Some(body) = usize::try_from(size).ok().and_then(|size| bytes.get(HEADER_BYTES..size)) else {
                break;
            };
            match kind {
                NLMSG_DONE | NLMSG_ERROR => heard.is_answered = true,
                _ => {
                    let is_new = self.message(kind, body).unwrap_or(false);
                    // Part of an answer: it was there before.
                    heard.is_back |= is_new && flags & NLM_F_MULTI == 0;
                }
            }
            bytes = bytes.get((HEADER_BYTES + body.len()).next_multiple_of(4)..).unwrap_or_default();
        }
        heard
    }

    /// Whether something is there that was not; `None` for what cannot be read.
    fn message(&mut self, kind: u16, body: &[u8]) -> Option<bool> {
        match kind {
            RTM_NEWLINK | RTM_DELLINK => {
                let (link, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
                if kind == RTM_NEWLINK && flags & IFF_RUNNING != 0 {
                    return Some(insert(&mut self.running, link));
                }
                self.running.remove(&link);
                // The kernel drops the routes of a link that goes down, and says so of some only.
                self.routes.retain(|(_, other, _)| *other != link);
                Some(false)
            }
            RTM_NEWADDR | RTM_DELADDR => {
                let attributes = body.get(ADDRESS_BYTES..)?;
                let flags = attribute(attributes, IFA_FLAGS).and_then(|flags| u32_at(flags, 0));
                let flags = flags.unwrap_or(u32::from(*body.get(2)?));
                let link = u32_at(body, 4)?;
                let address = (link, attribute(attributes, IFA_ADDRESS)?.to_vec());
                if kind == RTM_NEWADDR {
                    return Some(flags & IFA_F_TENTATIVE == 0 && insert(&mut self.addresses, address));
                }
                self.addresses.remove(&address);
                self.routes.retain(|(_, other, _)| *other != link);
                Some(false)
            }
            RTM_NEWROUTE | RTM_DELROUTE => {
                let (family, destination_bits) = (*body.first()?, *body.get(1)?);
                if destination_bits != 0 {
                    return Some(false);
                }
                let attributes = body.get(ROUTE_BYTES..)?;
                let link =
                    attribute(attributes, RTA_OIF).and_then(|link| u32_at(link, 0)).unwrap_or_default();
                let gateway = attribute(attributes, RTA_GATEWAY).unwrap_or_default().to_vec();
                let route = (family, link, gateway);
                if kind == RTM_NEWROUTE {
                    return Some(insert(&mut self.routes, route));
                }
                self.routes.remove(&route);
                Some(false)
            }
            _ => None,
        }
    }
}

fn insert<T: Eq + std::hash::Hash>(set: &mut HashSet<T>, one: T) -> bool {
    set.len() < KNOWN_MOST && set.insert(one)
}

/// The value of the first attribute of this kind.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (size, kind) = (usize::from(u16_at(bytes, 0)?), u16_at(bytes, 2)?);
        let value = bytes.get(4..size)?;
        if kind == wanted {
            return Some(value);
        }
        bytes = bytes.get(size.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut message =
            u32::try_from(HEADER_BYTES + body.len()).expect("it is short").to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.resize(HEADER_BYTES, 0);
        message.extend(body);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn with(mut body: Vec<u8>, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        for (kind, value) in attributes {
            body.extend(u16::try_from(4 + value.len()).expect("it is short").to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    fn link(flags: u32) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(2_u32.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.resize(LINK_BYTES, 0);
        body
    }

    fn address(flags: u8, last: u8) -> Vec<u8> {
        let body = vec![2, 24, flags, 0, 2, 0, 0, 0];
        with(body, &[(3, b"eth0\0"), (IFA_ADDRESS, &[10, 0, 0, last])])
    }

    fn route(bits: u8) -> Vec<u8> {
        let body = vec![2, bits, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
        with(body, &[(RTA_GATEWAY, &[10, 0, 0, 1]), (RTA_OIF, &2_u32.to_ne_bytes())])
    }

    #[test]
    fn only_what_was_not_there_counts() {
        let mut known = Known::default();
        let mut hear = |kind, body: &[u8]| known.hear(&message(kind, 0, body)).is_back;
        assert!(!hear(RTM_NEWLINK, &link(1)), "up, and carries nothing");
        assert!(hear(RTM_NEWLINK, &link(1 | IFF_RUNNING)));
        assert!(!hear(RTM_NEWLINK, &link(1 | IFF_RUNNING)), "said again");
        assert!(!hear(RTM_NEWADDR, &address(0x40, 5)), "not sure yet");
        assert!(hear(RTM_NEWADDR, &address(0, 5)));
        assert!(!hear(RTM_NEWADDR, &address(0, 5)), "renewed");
        assert!(hear(RTM_NEWADDR, &address(0, 6)));
        assert!(!hear(RTM_NEWROUTE, &route(24)), "no way out");
        assert!(hear(RTM_NEWROUTE, &route(0)));
        assert!(!hear(RTM_NEWROUTE, &route(0)));
        // Of a link that goes down the kernel takes the routes, silently, and leaves the addresses.
        assert!(!hear(RTM_NEWLINK, &link(0)));
        assert!(hear(RTM_NEWLINK, &link(1 | IFF_RUNNING)));
        assert!(!hear(RTM_NEWADDR, &address(0, 5)));
        assert!(hear(RTM_NEWROUTE, &route(0)));
        for gone in [RTM_DELADDR, RTM_NEWADDR] {
            assert_eq!(hear(gone, &address(0, 5)), gone == RTM_NEWADDR);
        }
    }

    #[test]
    fn what_is_answered_was_there_before() {
        let mut known = Known::default();
        let mut both = message(RTM_NEWLINK, NLM_F_MULTI, &link(1 | IFF_RUNNING));
        both.extend(message(NLMSG_DONE, NLM_F_MULTI, &[0; 4]));
        assert_eq!(known.hear(&both), Heard { is_back: false, is_answered: true });
        assert!(!known.hear(&message(RTM_NEWLINK, 0, &link(1 | IFF_RUNNING))).is_back);
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_panics(
            noise in prop::collection::vec(any::<u8>(), 0..200), body in prop::collection::vec(any::<u8>(), 0..80),
            kind in 16..27_u16,
        ) {
            let mut known = Known::default();
            known.hear(&noise);
            known.hear(&message(kind, 0, &body));
        }
    }
}
