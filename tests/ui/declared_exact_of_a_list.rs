use fieldseal::Index;

const INDEX: Index<Vec<String>> = Index::exact("customer", "value");

fn main() {}
