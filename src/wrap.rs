//! One data key for one recipient.

pub(crate) mod hpke;
pub(crate) mod symmetric;

use crate::encoding::{Put, SmallBuf};

/// FORMAT.md, "Recipients": the kinds this version knows.
pub(crate) const KIND_SYMMETRIC: u8 = 1;
pub(crate) const KIND_HPKE: u8 = 2;

/// `[RC-2]` The length of a wrapped key of a known kind.
pub(crate) const fn wrapped_len(kind: u8) -> Option<usize> {
    match kind {
        KIND_SYMMETRIC => Some(symmetric::WRAPPED),
        KIND_HPKE => Some(hpke::WRAPPED),
        _ => None,
    }
}

/// What a wrapped key is bound to.
pub(crate) struct WrapContext<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) subject: &'a [u8],
    pub(crate) class: &'a str,
    pub(crate) generation: u16,
    pub(crate) suite: u8,
    pub(crate) created_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) commitment: &'a [u8; 32],
}

impl WrapContext<'_> {
    /// wrap AAD = "fieldseal/v1 wrap" ‖ s8(tenant) ‖ s8(subject) ‖ s8(class) ‖ u16 generation ‖
    /// u8 suite ‖ u64 created_at ‖ u64 expires_at ‖ commitment ‖ u8 kind ‖ u32 key id.
    pub(crate) fn aad(&self, kind: u8, key_id: u32) -> SmallBuf {
        let mut aad = SmallBuf::new();
        aad.put(b"fieldseal/v1 wrap");
        aad.put_s8(self.tenant.as_bytes());
        aad.put_s8(self.subject);
        aad.put_s8(self.class.as_bytes());
        aad.put_u16(self.generation);
        aad.put_u8(self.suite);
        aad.put_u64(self.created_at);
        aad.put_u64(self.expires_at);
        aad.put(self.commitment);
        aad.put_u8(kind);
        aad.put_u32(key_id);
        aad
    }
}
