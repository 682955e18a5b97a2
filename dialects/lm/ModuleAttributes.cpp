// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks of the discardable attributes: lm.part of any op; of a module lm.config, lm.tokenizer, lm.chat_template,
// lm.source. Tested by test/dialects/lm/attributes-invalid.mlir.

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/PartNames.h"

using namespace mlir;
using namespace lmopt::lm;

static LogicalResult verifyConfig(Operation *op, Attribute value) {
  auto config = dyn_cast<DictionaryAttr>(value);
  if (!config)
    return op->emitError("'lm.config' must be a dictionary, but is ") << value;
  for (NamedAttribute entry : config) {
    bool isText = entry.getName() == "architecture" || entry.getName() == "name";
    if (isText && !isa<StringAttr>(entry.getValue()))
      return op->emitError("'lm.config' entry '")
             << entry.getName().getValue() << "' must be a string, but is " << entry.getValue();
  }
  return success();
}

static LogicalResult verifySource(Operation *op, Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (list && llvm::all_of(list, [](Attribute element) { return isa<DictionaryAttr>(element); }))
    return success();
  return op->emitError("'lm.source' must be an array of dictionaries, one for each source file, but is ") << value;
}

static LogicalResult verifyPart(Operation *op, Attribute value) {
  auto name = dyn_cast<StringAttr>(value);
  if (name && !name.getValue().empty())
    return success();
  return op->emitError("'lm.part' must be the name of a part of the model, a string that is not empty, but is ")
         << value;
}

LogicalResult LMDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kPartAttribute)
    return verifyPart(op, attribute.getValue());
  bool known = name == "lm.config" || name == "lm.source" || name == "lm.tokenizer" || name == "lm.chat_template";
  if (!known)
    return success(); // marks of passes; they document and check their own
  if (!isa<ModuleOp>(op))
    return op->emitError("'") << name << "' belongs on the module, but stands on '" << op->getName() << "'";
  if (name == "lm.config")
    return verifyConfig(op, attribute.getValue());
  if (name == "lm.source")
    return verifySource(op, attribute.getValue());
  if (!isa<StringAttr>(attribute.getValue()))
    return op->emitError("'") << name << "' must be a string, but is " << attribute.getValue();
  return success();
}
