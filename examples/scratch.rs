#![allow(missing_docs, clippy::all, clippy::pedantic, unused)]
use fieldseal::*;
use std::time::Instant;
const CONTACT: Class = Class::new("contact");
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
fn main() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, &[CONTACT]).unwrap();
    let v: String = "ada@example.com, and so on 32 by".into();
    let n = 200000;
    for _ in 0..3 {
        let t = Instant::now();
        for _ in 0..n {
            std::hint::black_box(EMAIL.seal(&keys, &v).unwrap());
        }
        println!("seal {:?}", t.elapsed() / n);
        let s = EMAIL.seal(&keys, &v).unwrap();
        let t = Instant::now();
        for _ in 0..n {
            std::hint::black_box(EMAIL.open(&keys, &s).unwrap());
        }
        println!("open {:?}", t.elapsed() / n);
        let t = Instant::now();
        for _ in 0..n / 10 {
            std::hint::black_box(DataKeys::create(&ring, 42, &[CONTACT]).unwrap());
        }
        println!("create {:?}", t.elapsed() / (n / 10));
        let t = Instant::now();
        for _ in 0..n / 10 {
            std::hint::black_box(keys.envelope().unwrap(&ring, 42).unwrap());
        }
        println!("unwrap {:?}", t.elapsed() / (n / 10));
    }
}
