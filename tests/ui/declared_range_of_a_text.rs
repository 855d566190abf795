use fieldseal::{Domain, Index, ManyTerms};

const INDEX: Index<String, ManyTerms> =
    Index::range("customer", "value", Domain::integers(0, 99));

fn main() {}
