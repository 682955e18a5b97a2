// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op must be able to say of itself to become code for CPUs. The models are codegen/cpu/<family>/*Model.cpp, which
// attach them from outside and forward to plain functions; every method is given the program or the step around the op,
// because fusion looks at neighbours. Nothing that matters has a default. Tested by test/codegen/cpu and by all compiled
// models; docs/ops.md says which ops have one.

#ifndef LMOPT_CODEGEN_CPU_INTERFACES_TD
#define LMOPT_CODEGEN_CPU_INTERFACES_TD

include "mlir/IR/Interfaces.td"

class Cpu_OpInterface<string name> : OpInterface<name> { let cppNamespace = "::lmopt::cpu"; }

defvar prepare = InterfaceMethod<[{
      Refuses what has no code with "code generation: ..." at the op, and tells the program what the op needs of it
      (rope_switch).
    }], "::mlir::LogicalResult", "prepare", (ins "::lmopt::plan::ProgramOp":$program)>;
defvar getPacked = InterfaceMethod<"The packed weights, in the order in which the code is given them.", "void",
      "getPackedWeights", (ins "::lmopt::plan::ProgramOp":$program,
                               "::llvm::SmallVectorImpl<::lmopt::cpu::PackedUse> &":$uses)>;

def Cpu_KernelOpInterface : Cpu_OpInterface<"KernelOpInterface"> {
  let description = "An op that is a kernel of its own.";
  let methods = [
    prepare, getPacked,
    InterfaceMethod<"How the work is dealt out.", "::lmopt::plan::Share", "getShare",
                    (ins "::lmopt::plan::StepOp":$step, "bool":$few)>,
    InterfaceMethod<"Bytes of memory of its own that each thread needs.", "int64_t", "getScratchBytes">,
    InterfaceMethod<[{
      Bytes of state of the layer that is written or read: for each position, or for each sequence where the op keeps as
      much for all (getState).
    }], "int64_t", "getStateBytes">,
    InterfaceMethod<[{
      Whether rows may end inside their last vector, as those of the caller's memory do; if not, a copy stands between.
    }], "bool", "masksLastVector">,
    InterfaceMethod<"The unit that bounds the products: u8s8, bf16, f32 or none.", "::llvm::StringRef", "getUnit">,
    InterfaceMethod<"Emits the kernel on first use.", "::lmopt::cpu::Kernel", "defineKernel",
                    (ins "::lmopt::cpu::KernelLibrary &":$kernels, "::lmopt::plan::StepOp":$step)>
  ];
}

def Cpu_RowOpInterface : Cpu_OpInterface<"RowOpInterface"> {
  let description = "A row-wise op: part of a row program (codegen/cpu/rows).";
  let methods = [
    prepare, getPacked,
    InterfaceMethod<"Adds what is done to a row.", "void", "addTo", (ins "::lmopt::cpu::RowProgramBuilder &":$program)>
  ];
}

#endif // LMOPT_CODEGEN_CPU_INTERFACES_TD
