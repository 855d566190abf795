use fieldseal::Index;

const INDEX: Index<i64> = Index::exact("customer", "value").lenient();

fn main() {}
