import test from 'ava'
import { underDeadMan } from '../../core/declare/dead-man.ts'
import { DeclarationError } from '../../core/errors.ts'
import { file } from '../../core/resources/file.ts'
import { group } from '../../core/resources/group.ts'
import { kernelModule } from '../../core/resources/kernel-module.ts'
import { mount } from '../../core/resources/mount.ts'
import { packages } from '../../core/resources/packages.ts'
import { sysctl } from '../../core/resources/sysctl.ts'
import { user } from '../../core/resources/user.ts'
import { texts } from './texts.ts'

const names: Readonly<Record<string, (text: string) => unknown>> = {
  package: (text) => packages([text]),
  'absent package': (text) => packages.absent([text]),
  version: (text) => packages([{ name: 'a1', version: text }]),
  user: (text) => user(text),
  group: (text) => group(text),
  'group of a user': (text) => user('a', { group: text, groups: [text] }),
  'kernel module': (text) => kernelModule(text),
  'key of sysctl': (text) => sysctl(`a.${text}`, 1),
  owner: (text) => file('/a', { content: '', owner: text }),
  mode: (text) => file('/a', { content: '', mode: text }),
  'file system': (text) => mount('/a', { source: 'a', fsType: text, options: [] }),
  'dead-man switch': (text) => underDeadMan({ name: text, save: '', restore: '' }),
}
for (const [title, declared] of Object.entries(names))
  test(`a hostile name is refused: ${title}`, (t) => {
    for (const text of texts(140, 500)) {
      if (/^[A-Za-z0-9_.:+~@-]*$/.test(text)) continue
      t.throws(() => declared(text), { instanceOf: DeclarationError }, JSON.stringify(text))
    }
  })
