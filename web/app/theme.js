// This script runs before the first paint, so that the page begins with the chosen theme.
{
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const root = document.documentElement;
  const theme = read("chat:theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (read("chat:text") === "large") root.dataset.text = "large";
}
