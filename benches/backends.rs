//! Suite 1 by every back end at every size, called directly: where the portable ones meet.
#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions, reason = "a bench")]

use std::hint::black_box;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn backends(c: &mut Criterion) {
    let (key, nonce, aad) = ([7; 32], [9; 12], [3; 32]);
    for len in [16_usize, 32, 64, 128, 256, 512, 1024, 2048, 4096, 65_536, 1 << 20] {
        let mut group = c.benchmark_group("chacha20poly1305-seal");
        group.throughput(Throughput::Bytes(len as u64));
        let plaintext = vec![5; len];
        let mut out = vec![0; len];
        group.bench_function(BenchmarkId::new("libcrux", len), |b| {
            b.iter(|| {
                let mut tag = [0; 16];
                libcrux_chacha20poly1305::encrypt_detached(
                    &key, &plaintext, &mut out, &mut tag, &aad, &nonce,
                )
                .unwrap();
                black_box(tag)
            });
        });
        group.bench_function(BenchmarkId::new("rustcrypto", len), |b| {
            b.iter(|| {
                let buffer = InOutBuf::new(&plaintext, &mut out).unwrap();
                black_box(
                    ChaCha20Poly1305::new(&key.into())
                        .encrypt_inout_detached(&nonce.into(), &aad, buffer)
                        .unwrap(),
                )
            });
        });
        group.finish();
    }
}

criterion_group!(benches, backends);
criterion_main!(benches);
