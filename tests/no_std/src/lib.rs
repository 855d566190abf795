//! Seals and opens without std: an allocator, a panic handler, and a clock are all that is given.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

use fieldseal::{Access, Class, DataKeys, Field, KeyRing};

struct None;

// SAFETY: it never gives memory out; this library is linked, not run.
unsafe impl GlobalAlloc for None {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: None = None;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

const CONTACT: Class = Class::new("contact");
const AGE: Field<u32> = Field::new("customer", "age", CONTACT);

/// Whether a value comes back.
#[unsafe(no_mangle)]
pub extern "C" fn fieldseal_round_trip(now: u64) -> bool {
    let try_it = || -> Result<bool, fieldseal::Error> {
        let ring = KeyRing::generate()?;
        let access = Access::new(&ring).at(now);
        let keys = DataKeys::create(access, 42, AGE)?;
        let sealed = AGE.seal(&keys, &41)?;
        Ok(AGE.open(&keys, &sealed)? == 41)
    };
    try_it().unwrap_or(false)
}
