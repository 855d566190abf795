//! Values: what a plaintext may be, and that what is sealed opens.

use core::fmt::Debug;

use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, Field, KeyEnvelope, SealValue, Sealed, SubjectId,
};

use super::input::Input;
use super::{APP_KEY, APP_SECRET, CONTACT, ENVELOPE_KEY, ENVELOPE_SECRET, NOW, TENANT};
use super::{SUBJECT, SUBJECT_ID, access, kind, ring};
use crate::support::forge::{self, DataKey, Place, Seed, Terms};

/// The keys of an envelope whose data key is known here.
fn known() -> (&'static DataKeys, &'static DataKey) {
    static KNOWN: std::sync::OnceLock<(DataKeys, DataKey)> = std::sync::OnceLock::new();
    let (keys, data_key) = KNOWN.get_or_init(|| {
        let place =
            Place { tenant: TENANT, subject: SUBJECT_ID, class: CONTACT.name(), generation: 1 };
        let data_key = DataKey::derive([0xDA; 32], place);
        let terms = Terms { suite: forge::SUITE, created_at: NOW, expires_at: 0 };
        let aad = forge::wrap_aad(place, terms, &data_key.commitment, 1, APP_KEY);
        let wrapped = forge::wrap_symmetric(&APP_SECRET, &[0x0A; 24], &aad, &data_key.key);
        let recipients = [forge::recipient(1, APP_KEY, &wrapped)];
        let entry =
            forge::live_entry(b"contact", 1, terms, &data_key.commitment, recipients.as_slice());
        let body = forge::envelope_body(1, 1, &[entry], ENVELOPE_KEY);
        let bytes = forge::authenticated(&ENVELOPE_SECRET, TENANT, SUBJECT_ID, &body);
        (KeyEnvelope::from_bytes(bytes).unwrap(access(), SUBJECT).unwrap(), data_key)
    });
    (keys, data_key)
}

fn field<T>() -> Field<T> {
    Field::new("record", "field", CONTACT).pad(1)
}

fn aad(key: &DataKey) -> Vec<u8> {
    forge::field_aad(&forge::head(key), "record", "field", b"")
}

/// Any bytes as a plaintext that authenticates: all types agree on whether it is an item, and what a
/// type accepts it writes back alike.
pub(crate) fn value(data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let (_, key) = known();
    let sealed = forge::sealed(key, &[9; 24], &aad(key), data);
    let mut kinds = Kinds::default();
    macro_rules! exactly {
        ($($type:ty),* $(,)?) => {$(
            if let Some(item) = again::<$type>(&sealed, &mut kinds) {
                let padding = data.strip_prefix(item.as_slice());
                assert!(padding.is_some_and(|rest| rest.iter().all(|byte| *byte == 0)));
            }
        )*};
    }
    exactly!(bool, u8, u16, u32, u64, i8, i16, i32, i64, f32);
    exactly!(String, Vec<u8>, [u8; 4], Vec<String>, Vec<Vec<u64>>, Vec<Option<Vec<bool>>>);
    // A 32-bit float is widened.
    again::<f64>(&sealed, &mut kinds);
    #[cfg(feature = "uuid")]
    exactly!(uuid::Uuid);
    #[cfg(feature = "rust_decimal")]
    exactly!(rust_decimal::Decimal);
    #[cfg(feature = "jiff")]
    exactly!(jiff::civil::Date, jiff::Timestamp);
    // Order and repetition of keys are the type's affair.
    #[cfg(feature = "serde")]
    again::<fieldseal::field::Structured<structured::Tree>>(&sealed, &mut kinds);
    kinds.check();
}

/// Which kinds the types answered.
#[derive(Default)]
struct Kinds {
    malformed: usize,
    all: usize,
}

impl Kinds {
    /// `[OP-5]` Whether it is an item does not depend on the type.
    fn check(&self) {
        assert!(self.malformed == 0 || self.malformed == self.all, "types disagree");
    }
}

/// Opens as a type; what opens is sealed and opened again. The item that the type writes.
fn again<T: SealValue<Column = Sealed<T>>>(sealed: &[u8], kinds: &mut Kinds) -> Option<Vec<u8>> {
    let (keys, _) = known();
    kinds.all += 1;
    let value = match kind(field::<T>().open(keys, &Sealed::from_bytes(sealed))) {
        Ok(value) => value,
        Err(ErrorKind::Malformed) => {
            kinds.malformed += 1;
            return None;
        }
        Err(ErrorKind::TypeMismatch) => return None,
        Err(other) => panic!("{other}"),
    };
    let item = written(&value)?;
    let reopened = field::<T>().open(keys, &field::<T>().seal(keys, &value).unwrap()).unwrap();
    assert_eq!(written(&reopened).as_ref(), Some(&item));
    Some(item)
}

/// The item of a value; none for one that is sealed already.
fn written<T: SealValue<Column = Sealed<T>>>(value: &T) -> Option<Vec<u8>> {
    let (keys, key) = known();
    let sealed = match kind(field::<T>().seal_with_rng(keys, value, &mut Seed([3; 32]))) {
        Ok(sealed) => sealed,
        Err(ErrorKind::AlreadySealed) => return None,
        Err(other) => panic!("a value that was read cannot be written: {other}"),
    };
    let bytes = sealed.as_bytes();
    Some(forge::aead_open(&key.aead, &bytes[5..29], &aad(key), &bytes[29..]).unwrap())
}

#[cfg(feature = "serde")]
mod structured {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) enum Shape {
        Unit,
        New(u32),
        Tuple(i8, String),
        Struct { a: Option<bool>, b: f64 },
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Tree {
        id: u64,
        note: Option<String>,
        letter: char,
        nothing: (),
        shapes: Vec<Shape>,
        by_name: std::collections::BTreeMap<String, Tree>,
    }
}

/// Anything sealed opens to what it was, under the same names only, and not with one bit changed.
pub(crate) fn seal_open(data: &[u8]) {
    let mut input = Input(data);
    let mut seed = Seed(core::array::from_fn(|_| input.u8()));
    let tenant = input.text(70);
    let access = Access::new(ring()).tenant(&tenant).at(NOW);
    let (Ok(subject), Ok(row)) = (input.id(), input.id()) else {
        return;
    };
    if tenant.len() > 64 {
        let refused = DataKeys::create_with_rng(access, &subject, [CONTACT], &mut seed);
        assert_eq!(kind(refused).unwrap_err(), ErrorKind::InvalidInput);
        return;
    }
    if input.u8() % 8 == 0 {
        return standalone(access, &mut input, &mut seed);
    }
    let keys = DataKeys::create_with_rng(access, &subject, [CONTACT], &mut seed).unwrap();
    let sealer = Sealer { keys, row: SubjectId::new(row).unwrap(), seed, access, subject };
    match input.u8() % 8 {
        0 => sealer.check(input.u64(), &mut input),
        1 => sealer.check(i64::from_be_bytes(input.u64().to_be_bytes()), &mut input),
        2 => sealer.check(input.text(255), &mut input),
        3 => sealer.check(input.bytes(255).to_vec(), &mut input),
        4 => sealer.check(input.u8() & 1 == 1, &mut input),
        5 => sealer.check(vec![input.text(30), input.text(30)], &mut input),
        6 => sealer.check(vec![Some(input.u64()), None], &mut input),
        _ => sealer.check(core::array::from_fn::<_, 9, _>(|_| input.u8()), &mut input),
    }
}

struct Sealer<'a> {
    keys: DataKeys,
    row: SubjectId,
    seed: Seed,
    access: Access<'a>,
    subject: fieldseal::Id,
}

impl Sealer<'_> {
    fn check<T: SealValue<Column = Sealed<T>> + PartialEq + Debug>(
        mut self,
        value: T,
        input: &mut Input<'_>,
    ) {
        const OTHER: Class = Class::new("contact").readers(&["app", "support"]);
        let multiple = input.u16().max(1);
        let field: Field<T, fieldseal::field::ManyRows> =
            Field::new("record", "field", CONTACT).pad(multiple);
        let field = field.row(&self.row).unwrap();
        let sealed = match kind(field.seal_with_rng(&self.keys, &value, &mut self.seed)) {
            Ok(sealed) => sealed,
            Err(ErrorKind::AlreadySealed) => return,
            Err(other) => panic!("{other}"),
        };
        assert_eq!((sealed.as_bytes().len() - 45) % usize::from(multiple), 0);
        let keys = self.keys.envelope().unwrap(self.access, &self.subject).unwrap();
        assert_eq!(field.open(&keys, &sealed).unwrap(), value);

        let mut flipped = sealed.as_bytes().to_vec();
        let bit = usize::from(input.u16()) % (flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refused = kind(field.open(&keys, &Sealed::from_bytes(flipped))).unwrap_err();
        let first = [ErrorKind::NotSealed, ErrorKind::Unsupported];
        match bit / 8 {
            0 => assert!(first.contains(&refused)),
            1..=4 => assert_eq!(refused, ErrorKind::WrongKey),
            _ => assert_eq!(refused, ErrorKind::Tampered),
        }
        let other_row: Field<T> = Field::new("record", "field", OTHER);
        assert_eq!(kind(other_row.open(&keys, &sealed)).unwrap_err(), ErrorKind::Tampered);

        let mut envelope = keys.envelope().as_bytes().to_vec();
        let bit = usize::from(input.u16()) % (envelope.len() * 8);
        envelope[bit / 8] ^= 1 << (bit % 8);
        assert!(KeyEnvelope::from_bytes(envelope).unwrap(self.access, &self.subject).is_err());
    }
}

fn standalone(access: Access<'_>, input: &mut Input<'_>, seed: &mut Seed) {
    let (context, bytes) = (input.bytes(255), input.bytes(255));
    let roles = ["app", "support", "doctor"];
    let roles = &roles[..usize::from(input.u8()) % 3 + 1];
    let sealed: Result<Vec<u8>, Error> = access.seal_for_with_rng(roles, context, bytes, seed);
    let sealed = match kind(sealed) {
        Ok(sealed) => sealed,
        Err(refused) => return assert_eq!(refused, ErrorKind::AlreadySealed),
    };
    assert_eq!(access.open(context, &sealed).unwrap().expose(), bytes);
    let mut flipped = sealed;
    let bit = usize::from(input.u16()) % (flipped.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    assert!(access.open(context, &flipped).is_err());
}
