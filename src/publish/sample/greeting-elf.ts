/** Architectures the sample image is made for, as OCI platforms name them. */
export type SampleArchitecture = 'amd64' | 'arm64'

const LOAD_ADDRESS = 0x400000
const FILE_HEADER = 64
const PROGRAM_HEADER = 56

/** ELF's `e_machine`. */
const MACHINE: Record<SampleArchitecture, number> = { amd64: 62, arm64: 183 }
/** The largest page size that kernels of the architecture use: what is loaded must be aligned to it. */
const PAGE: Record<SampleArchitecture, number> = { amd64: 0x1000, arm64: 0x10000 }

/**
 * A static Linux executable that writes `message` to standard output and exits with 0. One segment holds all of it:
 * headers, code, message.
 */
export function greetingElf(architecture: SampleArchitecture, message: Uint8Array): Uint8Array {
  const code = architecture === 'amd64' ? codeForAmd64(message.length) : codeForArm64(message.length)
  const entry = FILE_HEADER + PROGRAM_HEADER
  const elf = Buffer.alloc(entry + code.length + message.length)

  // System V ABI, "ELF Header": 64 bits, little-endian, version 1, any operating system
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]).copy(elf)
  elf.writeUInt16LE(2, 16) // e_type: executable
  elf.writeUInt16LE(MACHINE[architecture], 18)
  elf.writeUInt32LE(1, 20) // e_version
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS + entry), 24) // e_entry
  elf.writeBigUInt64LE(BigInt(FILE_HEADER), 32) // e_phoff
  elf.writeUInt16LE(FILE_HEADER, 52) // e_ehsize
  elf.writeUInt16LE(PROGRAM_HEADER, 54) // e_phentsize
  elf.writeUInt16LE(1, 56) // e_phnum
  elf.writeUInt16LE(64, 58) // e_shentsize; there are no sections

  elf.writeUInt32LE(1, 64) // p_type: load
  elf.writeUInt32LE(5, 68) // p_flags: read, execute
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 80) // p_vaddr
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 88) // p_paddr
  elf.writeBigUInt64LE(BigInt(elf.length), 96) // p_filesz
  elf.writeBigUInt64LE(BigInt(elf.length), 104) // p_memsz
  elf.writeBigUInt64LE(BigInt(PAGE[architecture]), 112) // p_align

  code.copy(elf, entry)
  elf.set(message, entry + code.length)
  return elf
}

function codeForAmd64(messageLength: number): Buffer {
  const code = Buffer.from([
    ...[0xb8, 1, 0, 0, 0], //            mov eax, 1        write
    ...[0xbf, 1, 0, 0, 0], //            mov edi, 1        to standard output
    ...[0x48, 0x8d, 0x35, 0, 0, 0, 0], // lea rsi, [rip+…]  the message
    ...[0xba, 0, 0, 0, 0], //            mov edx, …        its length
    ...[0x0f, 0x05], //                  syscall
    ...[0xb8, 60, 0, 0, 0], //           mov eax, 60       exit
    ...[0x31, 0xff], //                  xor edi, edi      with 0
    ...[0x0f, 0x05], //                  syscall
  ])
  const afterLea = 17
  code.writeInt32LE(code.length - afterLea, afterLea - 4)
  code.writeUInt32LE(messageLength, afterLea + 1)
  return code
}

function codeForArm64(messageLength: number): Buffer {
  const movz = (register: number, value: number) => (0xd2800000 | (value << 5) | register) >>> 0
  const adr = (register: number, distance: number) =>
    (0x10000000 | ((distance & 3) << 29) | ((distance >> 2) << 5) | register) >>> 0
  const svc = 0xd4000001
  const instructions = [
    movz(0, 1), //              standard output
    adr(1, 7 * 4), //           the message, seven instructions from here
    movz(2, messageLength), //  its length
    movz(8, 64), //             write
    svc,
    movz(0, 0), //              with 0
    movz(8, 93), //             exit
    svc,
  ]
  const code = Buffer.alloc(instructions.length * 4)
  instructions.forEach((instruction, index) => code.writeUInt32LE(instruction, index * 4))
  return code
}
