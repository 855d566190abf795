//! Fields and records, each beside its floor: the chosen back end called directly, with the same
//! randomness, in the same run. The ratio is what counts; single times move with the machine.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::hint::black_box;

use chacha20::{ChaCha20Rng, R20, hchacha};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fieldseal::{Class, DataKeys, Field, KeyRing, Record, SealedRecord};
use hmac::{Hmac, Mac as _};
use rand_core::{Rng as _, SeedableRng as _};
use sha2::Sha256;

/// The back end that the build chooses, called as its own users call it.
mod floor {
    use super::*;

    pub(super) const AAD: &[u8] = b"12345\0\x08customer\x05email\0";

    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    mod backend {
        use chacha20poly1305::aead::inout::InOutBuf;
        use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};

        const SHORT: usize = 896;

        pub(super) fn seal(
            key: &[u8; 32],
            nonce: &[u8; 12],
            aad: &[u8],
            plain: &[u8],
            out: &mut [u8],
        ) -> [u8; 16] {
            let mut tag = [0; 16];
            if plain.len() <= SHORT {
                libcrux_chacha20poly1305::encrypt_detached(key, plain, out, &mut tag, aad, nonce)
                    .unwrap();
            } else {
                let buffer = InOutBuf::new(plain, out).unwrap();
                tag = ChaCha20Poly1305::new(key.into())
                    .encrypt_inout_detached(nonce.into(), aad, buffer)
                    .unwrap()
                    .into();
            }
            tag
        }

        pub(super) fn open(
            key: &[u8; 32],
            nonce: &[u8; 12],
            aad: &[u8],
            sealed: &[u8],
            tag: &[u8; 16],
            out: &mut [u8],
        ) {
            if sealed.len() <= SHORT {
                libcrux_chacha20poly1305::decrypt_detached(key, out, sealed, tag, aad, nonce)
                    .unwrap();
            } else {
                let buffer = InOutBuf::new(sealed, out).unwrap();
                ChaCha20Poly1305::new(key.into())
                    .decrypt_inout_detached(nonce.into(), aad, buffer, tag.into())
                    .unwrap();
            }
        }
    }

    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    mod backend {
        #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
        use aws_lc_rs::aead;
        #[cfg(feature = "ring")]
        use ring::aead;

        use aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

        fn key(key: &[u8; 32]) -> LessSafeKey {
            LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).unwrap())
        }

        pub(super) fn seal(
            secret: &[u8; 32],
            nonce: &[u8; 12],
            aad: &[u8],
            plain: &[u8],
            out: &mut [u8],
        ) -> [u8; 16] {
            out.copy_from_slice(plain);
            let tag = key(secret)
                .seal_in_place_separate_tag(
                    Nonce::assume_unique_for_key(*nonce),
                    Aad::from(aad),
                    out,
                )
                .unwrap();
            tag.as_ref().try_into().unwrap()
        }

        pub(super) fn open(
            secret: &[u8; 32],
            nonce: &[u8; 12],
            aad: &[u8],
            sealed: &[u8],
            tag: &[u8; 16],
            out: &mut [u8],
        ) {
            let mut buffer = [0; 2048];
            let len = sealed.len();
            buffer[..len].copy_from_slice(sealed);
            buffer[len..len + 16].copy_from_slice(tag);
            let plain = key(secret)
                .open_in_place(
                    Nonce::assume_unique_for_key(*nonce),
                    Aad::from(aad),
                    &mut buffer[..len + 16],
                )
                .unwrap();
            out.copy_from_slice(plain);
        }
    }

    /// One draw from the operating system, expanded for the call.
    pub(super) fn rng() -> ChaCha20Rng {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        ChaCha20Rng::from_seed(seed)
    }

    pub(super) fn subkey(key: &[u8; 32], rng: &mut ChaCha20Rng) -> ([u8; 32], [u8; 16]) {
        let mut prefix = [0; 16];
        rng.fill_bytes(&mut prefix);
        (hchacha::<R20>(&(*key).into(), &prefix.into()).into(), prefix)
    }

    /// Into an output of its own, as a column needs it.
    pub(super) fn seal(subkey: &[u8; 32], plain: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 29 + plain.len() + 16];
        let tag = backend::seal(subkey, &[0; 12], AAD, plain, &mut out[29..29 + plain.len()]);
        out[29 + plain.len()..].copy_from_slice(&tag);
        out
    }

    pub(super) fn open(subkey: &[u8; 32], sealed: &[u8]) -> Vec<u8> {
        let body = &sealed[29..sealed.len() - 16];
        let tag = sealed[sealed.len() - 16..].try_into().unwrap();
        let mut out = vec![0; body.len()];
        backend::open(subkey, &[0; 12], AAD, body, tag, &mut out);
        out
    }
}

const CONTACT: Class = Class::new("contact");
const FINANCIAL: Class = Class::new("financial");
const HEALTH: Class = Class::new("health");
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

#[derive(Record, Clone)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    f0: String,
    #[record(seal(class = CONTACT))]
    f1: String,
    #[record(seal(class = CONTACT))]
    f2: String,
    #[record(seal(class = CONTACT))]
    f3: String,
    #[record(seal(class = FINANCIAL))]
    f4: String,
    #[record(seal(class = FINANCIAL))]
    f5: String,
    #[record(seal(class = FINANCIAL))]
    f6: String,
    #[record(seal(class = HEALTH))]
    f7: String,
    #[record(seal(class = HEALTH))]
    f8: String,
    #[record(seal(class = HEALTH))]
    f9: String,
}

impl Customer {
    /// Ten values whose items take 32 bytes.
    fn example() -> Self {
        let f = || "x".repeat(30);
        Self {
            id: 42,
            f0: f(),
            f1: f(),
            f2: f(),
            f3: f(),
            f4: f(),
            f5: f(),
            f6: f(),
            f7: f(),
            f8: f(),
            f9: f(),
        }
    }
}

fn fields(c: &mut Criterion) {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, EMAIL).unwrap();
    let key = [7; 32];
    // The lengths of the padded items.
    for len in [16_usize, 64, 1024] {
        let head = if len <= 24 {
            1
        } else if len <= 258 {
            2
        } else {
            3
        };
        let value = "x".repeat(len - head);
        let plain = vec![b'x'; len];

        let mut group = c.benchmark_group("seal_field");
        group.bench_function(BenchmarkId::new("floor", len), |b| {
            b.iter(|| {
                let (subkey, _) = floor::subkey(&key, &mut floor::rng());
                floor::seal(&subkey, black_box(&plain))
            });
        });
        group.bench_function(BenchmarkId::new("fieldseal", len), |b| {
            b.iter(|| EMAIL.seal(&keys, black_box(&value)).unwrap());
        });
        group.finish();

        let mut group = c.benchmark_group("open_field");
        let direct = {
            let subkey: [u8; 32] = hchacha::<R20>(&key.into(), &[1; 16].into()).into();
            floor::seal(&subkey, &plain)
        };
        group.bench_function(BenchmarkId::new("floor", len), |b| {
            b.iter(|| {
                let subkey: [u8; 32] = hchacha::<R20>(&key.into(), &[1; 16].into()).into();
                floor::open(&subkey, black_box(&direct))
            });
        });
        let sealed = EMAIL.seal(&keys, &value).unwrap();
        assert_eq!(sealed.as_bytes().len(), len + 45);
        group.bench_function(BenchmarkId::new("fieldseal", len), |b| {
            b.iter(|| EMAIL.open(&keys, black_box(&sealed)).unwrap());
        });
        group.finish();
    }
}

fn records(c: &mut Criterion) {
    let ring = KeyRing::generate().unwrap();
    let customer = Customer::example();
    let row = customer.seal_new(&ring).unwrap();
    let keys = row.unwrap_keys(&ring, 42).unwrap();
    let plain = [b'x'; 32];
    let classes = [[1; 32], [2; 32], [3; 32]];
    // Which class each of the ten fields is of.
    let of = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];

    let seal_ten = |rng: &mut ChaCha20Rng| {
        let subkeys = classes.map(|key| floor::subkey(&key, rng).0);
        of.map(|class| floor::seal(&subkeys[class], black_box(&plain)))
    };
    let mut group = c.benchmark_group("seal_record");
    group.bench_function("floor", |b| b.iter(|| seal_ten(&mut floor::rng())));
    group
        .bench_function("fieldseal", |b| b.iter(|| black_box(&customer).seal_with(&keys).unwrap()));
    group.finish();

    let mut group = c.benchmark_group("open_record");
    let direct = {
        let subkeys =
            classes.map(|key| -> [u8; 32] { hchacha::<R20>(&key.into(), &[1; 16].into()).into() });
        of.map(|class| floor::seal(&subkeys[class], &plain))
    };
    group.bench_function("floor", |b| {
        b.iter(|| {
            let subkeys = classes
                .map(|key| -> [u8; 32] { hchacha::<R20>(&key.into(), &[1; 16].into()).into() });
            for (class, sealed) in of.iter().zip(&direct) {
                black_box(floor::open(&subkeys[*class], black_box(sealed)));
            }
        });
    });
    group.bench_function("fieldseal", |b| b.iter(|| black_box(&row).open_with(&keys).unwrap()));
    group.finish();

    let mut group = c.benchmark_group("new_record");
    group.bench_function("floor", |b| {
        b.iter(|| {
            let mut rng = floor::rng();
            let fields = seal_ten(&mut rng);
            // Three data keys: drawn, expanded, wrapped; and one MAC over what is stored of them.
            let wrapped = classes.map(|role| {
                let mut data_key = [0; 32];
                rng.fill_bytes(&mut data_key);
                let mut expanded = [0; 64];
                hkdf::Hkdf::<Sha256>::from_prk(&data_key)
                    .unwrap()
                    .expand(&[5; 48], &mut expanded)
                    .unwrap();
                floor::seal(&floor::subkey(&role, &mut rng).0, &data_key)
            });
            let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&[8; 32]).unwrap();
            mac.update(&[0; 460]);
            (fields, wrapped, mac.finalize().into_bytes())
        });
    });
    group.bench_function("fieldseal", |b| b.iter(|| black_box(&customer).seal_new(&ring).unwrap()));
    group.finish();

    // What opening a row costs from its bytes: its envelope verified and unwrapped each time.
    c.bench_function("open_row", |b| b.iter(|| black_box(&row).open(&ring, 42).unwrap()));
}

/// A structured value is read back before it is sealed: what that costs shows beside opening it.
#[cfg(feature = "serde")]
fn structured(c: &mut Criterion) {
    use fieldseal::field::Structured;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Address {
        street: String,
        city: String,
        postcode: String,
        country: Option<String>,
    }
    const ADDRESSES: Field<Structured<Vec<Address>>> = Field::new("customer", "addresses", CONTACT);

    let keys = DataKeys::create(&KeyRing::generate().unwrap(), 42, ADDRESSES).unwrap();
    let mut group = c.benchmark_group("structured");
    for count in [1, 10, 100] {
        let address = |n: usize| Address {
            street: format!("{n} Main Street"),
            city: "Oslo".into(),
            postcode: format!("{n:05}"),
            country: Some("NO".into()),
        };
        let value = Structured((0..count).map(address).collect());
        group.bench_function(BenchmarkId::new("seal", count), |b| {
            b.iter(|| ADDRESSES.seal(&keys, black_box(&value)).unwrap());
        });
        let sealed = ADDRESSES.seal(&keys, &value).unwrap();
        group.bench_function(BenchmarkId::new("open", count), |b| {
            b.iter(|| ADDRESSES.open(&keys, black_box(&sealed)).unwrap());
        });
    }
    group.finish();
}

#[cfg(not(feature = "serde"))]
fn structured(_: &mut Criterion) {}

criterion_group!(benches, fields, records, structured);
criterion_main!(benches);
