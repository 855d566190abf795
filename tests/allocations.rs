//! Sealing a field allocates its output and nothing else.
// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(unsafe_code, clippy::unwrap_used, reason = "a test; an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fieldseal::field::ManyRows;
use fieldseal::{Class, DataKeys, Field, KeyRing, Sealed};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        LIVE.set(LIVE.get().wrapping_add(layout.size()));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        LIVE.set(LIVE.get().wrapping_add(size).wrapping_sub(layout.size()));
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(call: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.get();
    let result = call();
    (COUNT.get() - before, result)
}

const CONTACT: Class = Class::new("contact");
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
const AGE: Field<i64> = Field::new("customer", "age", CONTACT);
const PHOTO: Field<Vec<u8>> = Field::new("customer", "photo", CONTACT);
const STREET: Field<Option<String>, ManyRows> = Field::new("address", "street", CONTACT);

/// A run-time declaration is freed with its owner.
#[cfg(feature = "schema")]
#[test]
fn ten_thousand_schemas_and_classes_leave_no_memory_behind() {
    use fieldseal::class::OwnedClass;
    use fieldseal::record::{FieldSchema, KeysPlace, OwnedSchema, Rows, Schema};

    const SCHEMA: Schema = Schema::new(
        "customer",
        Rows::Single,
        KeysPlace::External,
        &["email", "age"],
        &[FieldSchema::of(&EMAIL, "email", "String"), FieldSchema::of(&AGE, "age", "i64")],
        &[],
        &["email", "age"],
    );
    let json = SCHEMA.to_json();
    let ring = KeyRing::generate().unwrap();
    let use_one = |number: usize| {
        // Another name each time, so that nothing could be kept once for all.
        let json = json.replace("\"contact\"", &format!("\"contact{number}\""));
        let schema = OwnedSchema::from_json(&json).unwrap();
        let field = schema.schema().dynamic_field("email").unwrap();
        if number.is_multiple_of(1_000) {
            let keys = DataKeys::create(&ring, 42, &schema).unwrap();
            field.update(&keys, &"ada@example.com".into()).unwrap();
        }
        assert!(OwnedSchema::from_json(&json.replace("\"age\"", "\"Age\"")).is_err());
        let name = format!("class{number}");
        drop(OwnedClass::new(&name, &[&name], &[], 0, 0).unwrap().clone());
    };
    use_one(0);
    let before = LIVE.get();
    (0..10_000).for_each(use_one);
    assert_eq!(LIVE.get(), before, "bytes that are still allocated");
}

#[test]
fn sealing_a_field_allocates_its_output_and_nothing_else() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();

    for len in [0, 1, 15, 64, 1024, 100_000] {
        let value = "x".repeat(len);
        let (count, sealed) = allocations(|| EMAIL.seal(&keys, &value).unwrap());
        assert_eq!(count, 1, "sealing {len} characters");
        let (count, opened) = allocations(|| EMAIL.open(&keys, &sealed).unwrap());
        assert_eq!(opened, value);
        // The value, and a wiped buffer for a long one.
        assert!(count <= 2, "opening {len} characters allocates {count} times");
    }
    assert_eq!(allocations(|| AGE.seal(&keys, &41).unwrap()).0, 1);
    let photo = vec![7; 3000];
    assert_eq!(allocations(|| PHOTO.seal(&keys, &photo).unwrap()).0, 1, "bytes");

    let street = STREET.row(7).unwrap();
    let value = Some("1 Main Street".to_owned());
    assert_eq!(allocations(|| street.seal(&keys, &value).unwrap()).0, 1, "in one of many rows");
    let (count, none): (usize, Option<Sealed<String>>) =
        allocations(|| street.seal(&keys, &None).unwrap());
    assert_eq!((count, none), (0, None), "absence is NULL");
}
