// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `cpu` holds what plans say of CPUs: the layouts of packed weights. It is open: the attributes are those of
// codegen/cpu/<family>/*.td, found by their presence. Tested by test/codegen/cpu/layouts.mlir.

#ifndef LMOPT_CODEGEN_CPU_CPUDIALECT_TD
#define LMOPT_CODEGEN_CPU_CPUDIALECT_TD

include "dialects/plan/PlanDialect.td"

def Cpu_Dialect : Dialect {
  let name = "cpu";
  let cppNamespace = "::lmopt::cpu";
  let summary = "how weights lie in memory for generated code for CPUs";
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = "void registerAttributes();";
}

/// A layout says its bytes, describes and packs itself (plan::WeightLayoutAttr); the methods stand in the family's folder.
class Cpu_Layout<string name, string attrMnemonic>
    : AttrDef<Cpu_Dialect, name, [DeclareAttrInterfaceMethods<Plan_WeightLayoutAttr>]> {
  let mnemonic = attrMnemonic;
}

#endif // LMOPT_CODEGEN_CPU_CPUDIALECT_TD
