// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `ptx` holds what plans say of GPUs: the layouts of packed weights. It is open: the attributes are those of
// codegen/ptx/<family>/*.td, found by their presence. Tested by test/codegen/ptx/layouts.mlir.

#ifndef LMOPT_CODEGEN_PTX_PTXDIALECT_TD
#define LMOPT_CODEGEN_PTX_PTXDIALECT_TD

include "dialects/plan/PlanDialect.td"

def Ptx_Dialect : Dialect {
  let name = "ptx";
  let cppNamespace = "::lmopt::nvptx";
  let summary = "how weights lie in memory for generated code for NVIDIA GPUs";
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = "void registerAttributes();";
}

/// A layout says its bytes, describes and packs itself (plan::WeightLayoutAttr); the methods stand in the family's folder.
class Ptx_Layout<string name, string attrMnemonic>
    : AttrDef<Ptx_Dialect, name, [DeclareAttrInterfaceMethods<Plan_WeightLayoutAttr>]> {
  let mnemonic = attrMnemonic;
}

#endif // LMOPT_CODEGEN_PTX_PTXDIALECT_TD
