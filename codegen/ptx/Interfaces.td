// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op must be able to say of itself to become launches on GPUs. The models are codegen/ptx/<family>/*Model.cpp,
// which attach them from outside; every method is given the program or the step around the op, because fusion looks at
// neighbours. Nothing that matters has a default. Tested by test/codegen/ptx and by all models compiled for GPUs;
// docs/ops.md says which ops have one.

#ifndef LMOPT_CODEGEN_PTX_INTERFACES_TD
#define LMOPT_CODEGEN_PTX_INTERFACES_TD

include "mlir/IR/Interfaces.td"

class Ptx_OpInterface<string name> : OpInterface<name> { let cppNamespace = "::lmopt::nvptx"; }

defvar prepare = InterfaceMethod<[{
      Refuses what has no code with "code generation: ..." at the op, and tells the program what the op needs of it
      (rope_switch).
    }], "::mlir::LogicalResult", "prepare", (ins "::lmopt::plan::ProgramOp":$program)>;
defvar getPacked = InterfaceMethod<"The packed weights, in the order in which launches are given them.", "void",
      "getPackedWeights", (ins "::lmopt::plan::ProgramOp":$program,
                               "::llvm::SmallVectorImpl<::lmopt::plan::PackedUse> &":$uses)>;

def Ptx_KernelOpInterface : Ptx_OpInterface<"KernelOpInterface"> {
  let description = "An op that is launched by itself.";
  let methods = [
    prepare, getPacked,
    InterfaceMethod<"Bytes of a position in the cache that are kept for the op; none by encoders.", "int64_t",
                    "getStateBytes", (ins "::lmopt::plan::StepOp":$step)>,
    InterfaceMethod<"Bytes of memory that only its launches need, for so many rows at once.", "int64_t",
                    "getScratchBytes", (ins "::lmopt::plan::StepOp":$step, "int64_t":$rows)>,
    InterfaceMethod<"Whether results may be rows that are not padded; if not, a copy stands between.", "bool",
                    "writesPackedRows">,
    InterfaceMethod<"The unit that bounds the products: u8s8, bf16, f32 or none.", "::llvm::StringRef", "getUnit">,
    InterfaceMethod<"Emits the kernels on first use and says how they are launched, one after another.", "void",
                    "launch", (ins "::lmopt::nvptx::LaunchBuilder &":$launches)>
  ];
}

def Ptx_RowOpInterface : Ptx_OpInterface<"RowOpInterface"> {
  let description = "A row-wise op: part of a row program (codegen/ptx/rows).";
  let methods = [
    prepare, getPacked,
    InterfaceMethod<"Adds what is done to a row.", "void", "addTo", (ins "::lmopt::nvptx::RowProgramBuilder &":$program)>
  ];
}

#endif // LMOPT_CODEGEN_PTX_INTERFACES_TD
