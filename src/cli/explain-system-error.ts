import { AppError, isAppError } from "../errors.ts";

/** Faults of the machine that no action can prevent, said in words. Everything else is returned as it came. */
export function explainSystemError(error: unknown): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const where = path ? ` (${path})` : "";
  const cause = error;
  switch (code) {
    case "ENOSPC":
      // Linux says the same of a full disk and of used-up watches.
      return /watch/.test(error.message)
        ? new AppError("SYSTEM_LIMIT", "This system has no file watches left.", {
            cause,
            hint: "Raise fs.inotify.max_user_watches, or close other watchers.",
          })
        : new AppError("DISK_FULL", `There is no room left on the disk${where}.`, {
            cause,
            hint: "Free some room; the folder .purlin of a project may be deleted at any time.",
          });
    case "EDQUOT":
      return new AppError("DISK_FULL", `The disk quota is used up${where}.`, {
        cause,
        hint: "Free some room.",
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new AppError("NOT_WRITABLE", `The system allows no access${where}: ${error.message}.`, {
        cause,
        hint: "Check the owner and the permissions, or choose another folder.",
      });
    case "EMFILE":
    case "ENFILE":
      return new AppError("SYSTEM_LIMIT", "Too many files are open at once.", {
        cause,
        hint: "Raise the limit: ulimit -n 4096",
      });
    default:
      return error;
  }
}
