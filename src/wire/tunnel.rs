//! Which tunnels a packet came through: a hash for its flow's identity, a text for people.
//!
//! The same addresses may be used in two tunnels by two parties, so tunnels are part of a flow's
//! identity. What exactly, depends on whether both directions of a conversation carry the same:
//!
//! | kinds | part of the identity |
//! | --- | --- |
//! | GTP-U, L2TP, PPTP | the kind alone: each end chooses the id that it wants to be sent |
//! | MPLS | nothing: a label belongs to one direction of one hop, and is popped before the last one |
//! | all others | kind and id |
//!
//! Where the tunnel's own ends are (the outer addresses) is no part of it: they move.
//!
//! The text is `kind` or `kind:id`, outermost first, joined by commas: `gre,vxlan:42`. GRE around a
//! protocol that has a name of its own here (ERSPAN, NVGRE, PPTP) is not named apart, a stack of
//! MPLS labels is named by its bottom, and an L2TP id is `tunnel/session`.

/// A way to carry packets inside packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    FourInFour = 1,
    SixInFour,
    FourInSix,
    SixInSix,
    Gre,
    Nvgre,
    Erspan,
    Pptp,
    Wccp,
    EtherIp,
    L2tp,
    L2tpV3,
    Vxlan,
    Geneve,
    GtpU,
    Teredo,
    Pppoe,
    /// 802.1ah, a provider's backbone bridges.
    Backbone,
    Mpls,
}

impl Kind {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::FourInFour => "ipip",
            Kind::SixInFour => "6in4",
            Kind::FourInSix => "4in6",
            Kind::SixInSix => "6in6",
            Kind::Gre => "gre",
            Kind::Nvgre => "nvgre",
            Kind::Erspan => "erspan",
            Kind::Pptp => "pptp",
            Kind::Wccp => "wccp",
            Kind::EtherIp => "etherip",
            Kind::L2tp => "l2tp",
            Kind::L2tpV3 => "l2tpv3",
            Kind::Vxlan => "vxlan",
            Kind::Geneve => "geneve",
            Kind::GtpU => "gtpu",
            Kind::Teredo => "teredo",
            Kind::Pppoe => "pppoe",
            Kind::Backbone => "pbb",
            Kind::Mpls => "mpls",
        }
    }
}

/// One tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tunnel {
    pub kind: Kind,
    /// VNI, key, session: what tells it from others of its kind, if anything does.
    pub id: Option<u32>,
}

impl Tunnel {
    fn mixed_into(self, identity: u64) -> u64 {
        let id = match self.kind {
            Kind::Mpls => return identity,
            Kind::GtpU | Kind::L2tp | Kind::L2tpV3 | Kind::Pptp => None,
            _ => self.id,
        };
        let word = u64::from(id.unwrap_or(0)) << 16 | u64::from(id.is_some()) << 8 | self.kind as u64;
        let wide = u128::from(identity ^ word ^ 0x4528_21e6_38d0_1377) * 0x9e37_79b9_7f4a_7c15;
        // 0 is taken: no tunnel.
        ((wide as u64) ^ (wide >> 64) as u64) | 1
    }
}

/// The tunnels around a packet, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tunnels {
    list: [Option<Tunnel>; Tunnels::MAX],
    identity: u64,
}

impl Tunnels {
    /// How deep packets are followed. One tunnel more, and the packet that carries it is the flow's.
    pub const MAX: usize = 4;

    /// Adds a tunnel inside the others; none when there is no room.
    pub fn push(&mut self, kind: Kind, id: Option<u32>) -> Option<()> {
        let slot = self.list.iter_mut().find(|slot| slot.is_none())?;
        let tunnel = Tunnel { kind, id };
        *slot = Some(tunnel);
        self.identity = tunnel.mixed_into(self.identity);
        Some(())
    }

    /// 0, or what tells flows in these tunnels from flows in others.
    #[inline]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    pub fn iter(&self) -> impl Iterator<Item = Tunnel> + '_ {
        self.list.iter().flatten().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.list.first().is_none_or(Option::is_none)
    }

    /// The text in records; none without a tunnel.
    pub fn text(&self) -> Option<String> {
        let words: Vec<String> = self.iter().map(word).collect();
        (!words.is_empty()).then(|| words.join(","))
    }
}

fn word(tunnel: Tunnel) -> String {
    let kind = tunnel.kind.as_str();
    match (tunnel.kind, tunnel.id) {
        (_, None) => kind.to_owned(),
        (Kind::L2tp, Some(id)) => format!("{kind}:{}/{}", id >> 16, id & 0xffff),
        (_, Some(id)) => format!("{kind}:{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnels(list: &[(Kind, Option<u32>)]) -> Tunnels {
        let mut tunnels = Tunnels::default();
        for &(kind, id) in list {
            tunnels.push(kind, id).unwrap();
        }
        tunnels
    }

    #[test]
    fn the_text_is_outermost_first() {
        let text = |list: &[_]| tunnels(list).text();
        assert_eq!(text(&[]), None);
        assert_eq!(text(&[(Kind::Vxlan, Some(42))]).unwrap(), "vxlan:42");
        assert_eq!(
            text(&[
                (Kind::Gre, None),
                (Kind::Vxlan, Some(42)),
                (Kind::L2tp, Some(0x0011_0003))
            ])
            .unwrap(),
            "gre,vxlan:42,l2tp:17/3"
        );
    }

    #[test]
    fn kind_id_and_order_are_the_identity() {
        let identity = |list: &[_]| tunnels(list).identity();
        let (gre, vxlan) = ((Kind::Gre, None), (Kind::Vxlan, Some(7)));
        let all = [
            identity(&[]),
            identity(&[gre]),
            identity(&[(Kind::Gre, Some(0))]),
            identity(&[vxlan]),
            identity(&[(Kind::Vxlan, Some(8))]),
            identity(&[gre, gre]),
            identity(&[gre, vxlan]),
            identity(&[vxlan, gre]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
        assert_eq!(all[0], 0);
    }

    #[test]
    fn ids_of_one_direction_are_no_part_of_it() {
        let identity = |kind, id| tunnels(&[(kind, Some(id))]).identity();
        for kind in [Kind::GtpU, Kind::L2tp, Kind::L2tpV3, Kind::Pptp] {
            assert_eq!(identity(kind, 1), identity(kind, 2));
            assert_ne!(identity(kind, 1), 0);
        }
        assert_eq!(identity(Kind::Mpls, 1), 0);
        assert!(!tunnels(&[(Kind::Mpls, Some(1))]).is_empty());
    }

    #[test]
    fn a_fifth_has_no_room() {
        let mut four = tunnels(&[(Kind::Gre, None); Tunnels::MAX]);
        let before = four;
        assert_eq!(four.push(Kind::Gre, None), None);
        assert_eq!(four, before);
    }
}
